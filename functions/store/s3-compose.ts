import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { ObjectChanged, ObjectInTheWay, ObjectMissing, UploadIncomplete } from './errors.ts';
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
import { abortUpload, remove } from './s3-list.ts';
import { head, headOfSize, read } from './s3-read.ts';
import { putNew } from './s3-write.ts';

const readPartBytes = 16 * 1024 * 1024;
/** Bytes of parts that are held in memory at once. */
const memoryBytes = 64 * 1024 * 1024;
const copiesAtOnce = 8;
const triesAtMost = 4;

class CopyUnsupported extends Error {}
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
  await inParallel([...sources], copiesAtOnce, async ([key, { etag, end }]) => {
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
    const done = await transfer(s3, key, uploadId, parts, signal);
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

/** Copies and uploads the parts, several at once; the first failure ends the others. */
async function transfer(
  s3: S3Context,
  key: string,
  uploadId: string,
  parts: readonly Part[],
  signal: AbortSignal | undefined,
): Promise<CompletedPart[]> {
  const ended = new AbortController();
  const either = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  const largestRead = Math.max(1, ...parts.map(({ kind, length }) => (kind === 'read' ? length : 0)));
  const readsAtOnce = Math.max(1, Math.min(4, Math.floor(memoryBytes / largestRead)));
  const done: CompletedPart[] = [];
  const run = (kind: Part['kind'], atOnce: number, send: typeof copyPart) =>
    inParallel(
      parts.filter((part) => part.kind === kind),
      atOnce,
      async (part) => {
        done.push({ PartNumber: part.number, ...(await send(s3, key, uploadId, part, either)) });
      },
    );
  const work = [run('copy', copiesAtOnce, copyPart), run('read', readsAtOnce, readPart)];
  try {
    await Promise.all(work);
  } catch (error) {
    ended.abort(error);
    await Promise.allSettled(work);
    throw error;
  }
  return done.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
}

async function copyPart(
  s3: S3Context,
  key: string,
  uploadId: string,
  part: Part,
  signal: AbortSignal,
): Promise<CompletedPart> {
  const source = part.stretches[0];
  if (!source) throw new TypeError('a copy without a source');
  const command = new UploadPartCopyCommand({
    ...s3.at(key),
    UploadId: uploadId,
    PartNumber: part.number,
    CopySource: `${s3.bucket}/${s3.at(source.key).Key.split('/').map(encodeURIComponent).join('/')}`,
    CopySourceRange: `bytes=${source.offset}-${source.offset + source.length - 1}`,
    CopySourceIfMatch: source.etag,
  });
  try {
    const { CopyPartResult: result } = await s3.send(
      (client, sending) => client.send(command, sending),
      signal,
    );
    // A server that doesn't know the header takes the request for the upload of an empty part.
    if (!result?.ETag) throw new CopyUnsupported('no result of a copy');
    // versitygw gives the checksum of a source that was a multipart upload as `…-2`, and refuses it at Complete.
    if (result.ChecksumCRC32 !== undefined && !/^[A-Za-z0-9+/]{6}==$/.test(result.ChecksumCRC32))
      throw new CopyUnsupported('a checksum that is none');
    return {
      ETag: result.ETag,
      ...(result.ChecksumCRC32 !== undefined && { ChecksumCRC32: result.ChecksumCRC32 }),
    };
  } catch (error) {
    if (isPreconditionFailed(error))
      throw new ObjectChanged(`${s3.uri(source.key)} was replaced while it was copied; repeat the run`, {
        cause: error,
      });
    // An answer without a result is a 503 to the SDK.
    const { lenient } = await s3.connection();
    const failing = lenient && (failureOf(error).status ?? 0) >= 500;
    if (failing || isNotImplemented(error))
      throw new CopyUnsupported('the server has no UploadPartCopy', { cause: error });
    throw error;
  }
}

async function readPart(
  s3: S3Context,
  key: string,
  uploadId: string,
  part: Part,
  signal: AbortSignal,
): Promise<CompletedPart> {
  const body = await readPieces(s3, part.stretches, signal);
  const { checksums } = await s3.connection();
  const command = new UploadPartCommand({
    ...s3.at(key),
    UploadId: uploadId,
    PartNumber: part.number,
    Body: body,
    ContentLength: body.length,
    ...(checksums && { ChecksumAlgorithm: 'CRC32' }),
  });
  const { ETag, ChecksumCRC32 } = await s3.send((client, sending) => client.send(command, sending), signal);
  return { ...(ETag !== undefined && { ETag }), ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) };
}

async function readPieces(s3: S3Context, pieces: readonly Piece[], signal?: AbortSignal): Promise<Buffer> {
  const body = Buffer.allocUnsafe(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    for await (const chunk of read(s3, piece.key, piece, piece, signal))
      position += chunk.copy(body, position);
  }
  return body;
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

/** After a failure nothing new is begun. */
async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    try {
      for (let item = items[next++]; item !== undefined; item = items[next++]) await run(item);
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
