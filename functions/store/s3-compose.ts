import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3';
import { ObjectChanged, ObjectInTheWay, ObjectMissing, UploadIncomplete } from './errors.ts';
import { inParallel } from './in-parallel.ts';
import type { ObjectFacts, Piece } from './object-store.ts';
import { planParts, planReads, s3Limits } from './plan-parts.ts';
import type { S3Context } from './s3-context.ts';
import {
  failureOf,
  isConflict,
  isMissing,
  isNotImplemented,
  isPreconditionFailed,
  isUncertain,
} from './s3-failures.ts';
import { abortUpload, remove } from './s3-list.ts';
import { head, headOfSize } from './s3-read.ts';
import { CopyUnsupported, readPieces, transferParts } from './s3-transfer.ts';
import { putNew } from './s3-write.ts';

const readPartBytes = 16 * 1024 * 1024;
const headsAtOnce = 8;
const triesAtMost = 4;

/** Complete met something: begin again, having looked what is there. */
class BeginAgain extends Error {}

export async function compose(
  s3: S3Context,
  key: string,
  pieces: readonly Piece[],
  contentType: string,
  signal: AbortSignal | undefined,
): Promise<ObjectFacts> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  return s3.doing('s3:PutObject', key, signal, async () => {
    for (let tried = 1; ; tried += 1) {
      const there = await head(s3, key, signal);
      if (there) return sameSize(s3, there, size);
      await checkSources(s3, pieces, signal);
      try {
        if (size < s3Limits.minimum) return await composeByPut(s3, key, pieces, contentType, signal);
        return await composeByParts(s3, key, pieces, size, contentType, signal);
      } catch (error) {
        const again = error instanceof BeginAgain || error instanceof CopyUnsupported;
        if (!again) throw error;
        if (tried >= triesAtMost) throw error.cause ?? error;
        if (error instanceof CopyUnsupported) s3.knowsCopies = false;
      }
    }
  });
}

function sameSize(s3: S3Context, there: ObjectFacts, size: number): ObjectFacts {
  if (there.size === size) return there;
  throw new ObjectInTheWay(
    `${s3.uri(there.key)} has ${there.size} bytes where ${size} would be written, and is never replaced: remove it if it belongs to no backup`,
  );
}

/** Pins every source once before anything is copied: not every server looks at CopySourceIfMatch. */
async function checkSources(
  s3: S3Context,
  pieces: readonly Piece[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const sources = new Map<string, { etag: string; end: number }>();
  for (const { key, etag, offset, length } of pieces) {
    const known = sources.get(key);
    if (known && known.etag !== etag)
      throw new ObjectChanged(`${s3.uri(key)} is named with two different ETags`);
    sources.set(key, { etag, end: Math.max(known?.end ?? 0, offset + length) });
  }
  await inParallel([...sources], headsAtOnce, async ([key, { etag, end }]) => {
    const facts = await head(s3, key, signal);
    if (!facts) throw new ObjectMissing(`${s3.uri(key)}, which has to be copied, is gone; repeat the run`);
    if (facts.etag !== etag)
      throw new ObjectChanged(`${s3.uri(key)} was replaced before it was copied; repeat the run`);
    if (facts.size < end)
      throw new ObjectChanged(`${s3.uri(key)} has ${facts.size} bytes, ${end} were to be copied`);
  });
}

async function composeByPut(
  s3: S3Context,
  key: string,
  pieces: readonly Piece[],
  contentType: string,
  signal: AbortSignal | undefined,
): Promise<ObjectFacts> {
  const body = await readPieces(s3, pieces, signal);
  const facts = await putNew(s3, key, body, contentType);
  if (facts) return facts;
  throw new BeginAgain(`${s3.uri(key)} has come into being`);
}

async function composeByParts(
  s3: S3Context,
  key: string,
  pieces: readonly Piece[],
  size: number,
  contentType: string,
  signal: AbortSignal | undefined,
): Promise<ObjectFacts> {
  const parts = s3.knowsCopies ? planParts(pieces, s3Limits) : planReads(pieces, s3Limits, readPartBytes);
  const uploadId = await create(s3, key, contentType);
  let completed = false;
  try {
    const done = await transferParts(s3, key, uploadId, parts, signal);
    signal?.throwIfAborted();
    await complete(s3, key, uploadId, done, size);
    completed = true;
  } finally {
    // Without the signal: an abort must not leave the upload behind. CleanUp finds what this can't remove.
    if (!completed) await abortUpload(s3, { key, uploadId }).catch(() => {});
  }
  const { facts, whole } = await headOfSize(s3, key, size);
  if (facts && whole) return facts;
  // What was just made here is wrong (a server that ignores ranges, or writes late) and no manifest names it.
  await remove(s3, [key]).catch(() => {});
  const what = new UploadIncomplete(
    `${s3.uri(key)} was put together of ${size} bytes, and the server shows ${facts?.size ?? 'no'} bytes`,
  );
  if (parts.some(({ kind }) => kind === 'copy')) throw new CopyUnsupported('sizes differ', { cause: what });
  throw new BeginAgain('sizes differ', { cause: what });
}

async function create(s3: S3Context, key: string, contentType: string): Promise<string> {
  const { checksums } = await s3.connection();
  const command = new CreateMultipartUploadCommand({
    ...s3.at(key),
    ContentType: contentType,
    ...(checksums && { ChecksumAlgorithm: 'CRC32' }),
  });
  const { UploadId } = await s3.send((client, sending) => client.send(command, sending));
  if (!UploadId) throw new UploadIncomplete(`the server began no multipart upload for ${s3.uri(key)}`);
  return UploadId;
}

async function complete(
  s3: S3Context,
  key: string,
  uploadId: string,
  parts: CompletedPart[],
  size: number,
): Promise<void> {
  const command = new CompleteMultipartUploadCommand({
    ...s3.at(key),
    UploadId: uploadId,
    MultipartUpload: { Parts: parts },
    ...(s3.knowsConditions && { IfNoneMatch: '*' }),
  });
  try {
    await s3.send((client, sending) => client.send(command, sending));
  } catch (error) {
    if (s3.knowsConditions && isNotImplemented(error)) {
      s3.knowsConditions = false;
      throw new BeginAgain('no conditions on Complete', { cause: error });
    }
    const lost = failureOf(error).code === 'NoSuchUpload' || isMissing(error) || isUncertain(error);
    if (lost) {
      // The answer was lost, or a repeated request found the upload completed by the first one.
      const { whole } = await headOfSize(s3, key, size);
      if (whole) return;
      throw error;
    }
    // Somebody has written the same file, or is writing it: looking again tells.
    if (isPreconditionFailed(error) || isConflict(error)) throw new BeginAgain('conflict', { cause: error });
    throw error;
  }
}
