import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
} from '@aws-sdk/client-s3';
import { ObjectChanged, ObjectInTheWay, ObjectMissing, UploadIncomplete } from './errors.ts';
import { inParallel } from './in-parallel.ts';
import type { ObjectFacts, Piece } from './object-store.ts';
import { type Part, planParts, planReads, s3Limits } from './plan-parts.ts';
import type { S3Context } from './s3-context.ts';
import {
  failureOf,
  isConflict,
  isMissing,
  isNotImplemented,
  isPreconditionFailed,
  isUncertain,
} from './s3-failures.ts';
import { abortUpload, listUploads, remove } from './s3-list.ts';
import { listParts, matchParts } from './s3-parts.ts';
import { head, headOfSize } from './s3-read.ts';
import { CopyUnsupported, readPieces, transferParts } from './s3-transfer.ts';
import { putNew } from './s3-write.ts';

const readPartBytes = 16 * 1024 * 1024;
const headsAtOnce = 32;
const triesAtMost = 4;

/** Complete met something: begin again, having looked what is there. */
class BeginAgain extends Error {}

export interface Composing {
  /** Asked before each part: true leaves the rest, and the upload, to the next call. Without it, all is done in one. */
  readonly isNearlyOver?: () => boolean;
  readonly signal: AbortSignal | undefined;
}

/** @returns undefined when there was no time for all of it */
export async function compose(
  s3: S3Context,
  key: string,
  pieces: readonly Piece[],
  contentType: string,
  composing: Composing,
): Promise<ObjectFacts | undefined> {
  const { signal } = composing;
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  return s3.doing('s3:PutObject', key, signal, async () => {
    for (let tried = 1; ; tried += 1) {
      const there = await head(s3, key, signal);
      if (there) return sameSize(s3, there, size);
      await checkSources(s3, pieces, signal);
      try {
        if (size < s3Limits.minimum) return await composeByPut(s3, key, pieces, contentType, signal);
        return await composeByParts(s3, key, pieces, size, contentType, composing);
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
  { signal, isNearlyOver }: Composing,
): Promise<ObjectFacts | undefined> {
  const plans = partPlans(s3, pieces);
  const { uploadId, parts, transferred } =
    (isNearlyOver && (await findUnfinished(s3, key, plans, signal))) ??
    (await beginUpload(s3, key, plans, contentType));
  let settled = false;
  try {
    // What can't be found again (s3rver lists no uploads) must not be left half done
    const mayStop = isNearlyOver && (await listUploads(s3, key)).some((each) => each.uploadId === uploadId);
    const done = await transferParts(s3, key, uploadId, {
      parts,
      transferred,
      isNearlyOver: mayStop ? isNearlyOver : undefined,
      signal,
    });
    signal?.throwIfAborted();
    if (done) await complete(s3, key, uploadId, done, size);
    settled = true;
    if (!done) return undefined;
  } catch (error) {
    // Another call at the same upload has completed it, or given it up
    if (failureOf(error).code === 'NoSuchUpload')
      throw new BeginAgain('the upload is gone', { cause: error });
    throw error;
  } finally {
    // Without the signal: an abort must not leave the upload behind. CleanUp finds what this can't remove.
    if (!settled) await abortUpload(s3, { key, uploadId }).catch(() => {});
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

interface Upload {
  readonly uploadId: string;
  readonly parts: readonly Part[];
  readonly transferred: readonly CompletedPart[];
}

/** The way to go first. */
function partPlans(s3: S3Context, pieces: readonly Piece[]): (readonly Part[])[] {
  const reads = planReads(pieces, s3Limits, readPartBytes);
  return s3.knowsCopies ? [planParts(pieces, s3Limits), reads] : [reads];
}

async function beginUpload(
  s3: S3Context,
  key: string,
  [parts = []]: readonly (readonly Part[])[],
  contentType: string,
): Promise<Upload> {
  return { uploadId: await create(s3, key, contentType), parts, transferred: [] };
}

/** An upload that an earlier call left unfinished, if its parts are those of a plan. */
async function findUnfinished(
  s3: S3Context,
  key: string,
  plans: readonly (readonly Part[])[],
  signal: AbortSignal | undefined,
): Promise<Upload | undefined> {
  for (const upload of await listUploads(s3, key)) {
    if (upload.key !== key) continue;
    const found = await listParts(s3, key, upload.uploadId, signal);
    if (!found?.length) continue;
    for (const parts of plans) {
      const transferred = matchParts(parts, found);
      if (!transferred) continue;
      // What could only be read then will not be copied now
      if (parts !== plans[0]) s3.knowsCopies = false;
      return { uploadId: upload.uploadId, parts, transferred };
    }
  }
  return undefined;
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
