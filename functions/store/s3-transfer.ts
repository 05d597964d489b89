import { type CompletedPart, UploadPartCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { ObjectChanged } from './errors.ts';
import { inParallel } from './in-parallel.ts';
import type { Piece } from './object-store.ts';
import type { Part } from './plan-parts.ts';
import type { S3Context } from './s3-context.ts';
import { copySource } from './s3-copy.ts';
import { failureOf, isNotImplemented, isPreconditionFailed } from './s3-failures.ts';
import { read } from './s3-read.ts';

/** Bytes of parts that are held in memory at once. */
const memoryBytes = 64 * 1024 * 1024;
/** The server does the work; terabytes are put together at the sum of what it gives to each. */
const copiesAtOnce = 32;

/** The server has no UploadPartCopy, or one that can't be relied on: everything has to be read. */
export class CopyUnsupported extends Error {}

export interface Transfer {
  readonly parts: readonly Part[];
  /** Those that an earlier call has transferred. */
  readonly transferred: readonly CompletedPart[];
  readonly isNearlyOver: (() => boolean) | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Copies and uploads the parts, several at once; the first failure ends the others.
 * @returns all parts in order; undefined when there was no time for some
 */
export async function transferParts(
  s3: S3Context,
  key: string,
  uploadId: string,
  { parts, transferred, isNearlyOver, signal }: Transfer,
): Promise<CompletedPart[] | undefined> {
  const ended = new AbortController();
  const either = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  const largestRead = Math.max(1, ...parts.map(({ kind, length }) => (kind === 'read' ? length : 0)));
  const readsAtOnce = Math.max(1, Math.min(4, Math.floor(memoryBytes / largestRead)));
  const done: CompletedPart[] = [...transferred];
  const there = new Set(transferred.map(({ PartNumber }) => PartNumber));
  const run = (kind: Part['kind'], atOnce: number, send: typeof copyPart) =>
    inParallel(
      parts.filter((part) => part.kind === kind && !there.has(part.number)),
      atOnce,
      async (part) => {
        if (isNearlyOver?.()) return;
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
  if (done.length < parts.length) return undefined;
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
    CopySource: copySource(s3.bucket, s3.at(source.key).Key),
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

/** The bytes of pieces, one after another. */
export async function readPieces(
  s3: S3Context,
  pieces: readonly Piece[],
  signal?: AbortSignal,
): Promise<Buffer> {
  const body = Buffer.allocUnsafe(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    for await (const chunk of read(s3, piece.key, piece, piece, signal))
      position += chunk.copy(body, position);
  }
  return body;
}
