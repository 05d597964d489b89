import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3';
import { ObjectChanged, ObjectMissing, ShortRead } from './errors.ts';
import type { ByteRange, ObjectFacts } from './object-store.ts';
import type { S3Context } from './s3-context.ts';
import { isMissing, isPreconditionFailed, isUncertain } from './s3-failures.ts';

/** A body that gives nothing for this long is given up and asked for again. */
const stallMs = 60_000;
/** Answers that may break without having brought anything new. */
const fruitlessAnswers = 5;

export async function head(
  s3: S3Context,
  key: string,
  signal?: AbortSignal,
): Promise<ObjectFacts | undefined> {
  return s3.doing('s3:GetObject (HEAD)', key, signal, async () => {
    try {
      const answer = await s3.send(
        (client, sending) => client.send(new HeadObjectCommand(s3.at(key)), sending),
        signal,
      );
      return {
        key,
        size: answer.ContentLength ?? 0,
        etag: answer.ETag ?? '',
        ...(answer.VersionId !== undefined && { versionId: answer.VersionId }),
        ...(answer.LastModified !== undefined && { lastModified: answer.LastModified }),
      };
    } catch (error) {
      if (!isMissing(error)) throw error;
      await s3.checkBucket();
      return undefined;
    }
  });
}

/** HEAD until the object has the size that was written: lenient servers answer before it is whole. */
export async function headOfSize(
  s3: S3Context,
  key: string,
  size: number,
): Promise<{ facts: ObjectFacts | undefined; whole: boolean }> {
  let facts: ObjectFacts | undefined;
  for (let pause = 5; pause <= 1280; pause *= 2) {
    facts = await head(s3, key);
    if (facts?.size === size) return { facts, whole: true };
    const { lenient } = await s3.connection();
    if (!lenient) break;
    await sleep(pause);
  }
  return { facts, whole: false };
}

export async function get(
  s3: S3Context,
  key: string,
  signal?: AbortSignal,
): Promise<{ body: Buffer; facts: ObjectFacts } | undefined> {
  return s3.doing('s3:GetObject', key, signal, async () => {
    let before: Buffer | undefined;
    for (;;) {
      const found = await getOnce(s3, key, signal);
      if (!found || !(await s3.connection()).lenient) return found;
      // A lenient server may show an object that is being replaced: believe its ETag, or the same bytes twice.
      const md5 = createHash('md5').update(found.body).digest('hex');
      const sound = found.body.length > 0 && found.facts.etag === `"${md5}"`;
      if (sound || before?.equals(found.body)) return found;
      before = found.body;
      await sleep(30, undefined, signal ? { signal } : {});
    }
  });
}

async function getOnce(
  s3: S3Context,
  key: string,
  signal: AbortSignal | undefined,
): Promise<{ body: Buffer; facts: ObjectFacts } | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    let answer: GetObjectCommandOutput;
    try {
      answer = await s3.send(
        (client, sending) => client.send(new GetObjectCommand(s3.at(key)), sending),
        signal,
      );
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of bodyOf(answer, signal)) chunks.push(chunk);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= fruitlessAnswers || !isUncertain(error)) throw error;
      continue;
    }
    const body = Buffer.concat(chunks);
    if (body.length !== (answer.ContentLength ?? body.length)) {
      if (attempt < fruitlessAnswers) continue;
      throw new ShortRead(`${s3.uri(key)}: ${body.length} of ${answer.ContentLength} bytes arrived`);
    }
    return {
      body,
      facts: {
        key,
        size: body.length,
        etag: answer.ETag ?? '',
        ...(answer.VersionId !== undefined && { versionId: answer.VersionId }),
        ...(answer.LastModified !== undefined && { lastModified: answer.LastModified }),
      },
    };
  }
}

/** A ranged read that goes on from the byte it had reached when an answer breaks. */
export async function* read(
  s3: S3Context,
  key: string,
  range: ByteRange,
  pin: { etag: string },
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const end = range.offset + range.length;
  let position = range.offset;
  let fruitless = 0;
  while (position < end) {
    const reached = position;
    try {
      const answer = await ask(s3, key, position, end, pin, signal);
      for await (const chunk of bodyFrom(answer, position, end, signal)) {
        position += chunk.length;
        yield chunk;
      }
      if (position < end)
        throw new ShortRead(`${s3.uri(key)}: the answer ended at byte ${position} of ${end}`);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      fruitless = position > reached ? 0 : fruitless + 1;
      const again = error instanceof ShortRead || (isUncertain(error) && fruitless < fruitlessAnswers);
      if (!again || fruitless >= fruitlessAnswers) throw await s3.explained(error, 's3:GetObject', key);
      await sleep(Math.min(100 * 2 ** fruitless, 2_000), undefined, signal ? { signal } : {});
    }
  }
}

async function ask(
  s3: S3Context,
  key: string,
  position: number,
  end: number,
  pin: { etag: string },
  signal: AbortSignal | undefined,
): Promise<GetObjectCommandOutput> {
  let answer: GetObjectCommandOutput;
  const command = { ...s3.at(key), Range: `bytes=${position}-${end - 1}`, IfMatch: pin.etag };
  try {
    answer = await s3.send((client, sending) => client.send(new GetObjectCommand(command), sending), signal);
  } catch (error) {
    if (isPreconditionFailed(error)) throw changed(s3, key, error);
    if (isMissing(error)) throw new ObjectMissing(`${s3.uri(key)} is gone`, { cause: error });
    throw error;
  }
  // Some servers ignore If-Match.
  if (answer.ETag !== undefined && answer.ETag !== pin.etag) {
    discard(answer);
    throw changed(s3, key);
  }
  return answer;
}

function changed(s3: S3Context, key: string, cause?: unknown): ObjectChanged {
  return new ObjectChanged(`${s3.uri(key)} was replaced while it was being read; repeat the run`, { cause });
}

/** The wanted bytes of an answer, which may hold more: some servers ignore Range or parts of it. */
async function* bodyFrom(
  answer: GetObjectCommandOutput,
  position: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const from = /^bytes (\d+)-/.exec(answer.ContentRange ?? '');
  let skip = position - (from ? Number(from[1]) : 0);
  if (skip < 0) {
    discard(answer);
    throw new ShortRead(`the answer begins ${-skip} bytes after what was asked for`);
  }
  let wanted = end - position;
  for await (const chunk of bodyOf(answer, signal)) {
    if (skip >= chunk.length) {
      skip -= chunk.length;
      continue;
    }
    const useful = chunk.subarray(skip, skip + wanted);
    skip = 0;
    wanted -= useful.length;
    yield useful;
    if (wanted === 0 && chunk.length > useful.length) return;
  }
}

/** The body's buffers; a body that stalls is an error, a loop that is left ends the request. */
async function* bodyOf(
  answer: GetObjectCommandOutput,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const body = answer.Body as (AsyncIterable<Uint8Array> & { destroy(error?: Error): void }) | undefined;
  if (!body) return;
  const abort = () => body.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  // The consumer's time is not the server's.
  let waiting = true;
  const stalled = setTimeout(() => waiting && body.destroy(new ShortRead('the answer stalled')), stallMs);
  try {
    for await (const chunk of body) {
      waiting = false;
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      waiting = true;
      stalled.refresh();
    }
  } finally {
    clearTimeout(stalled);
    signal?.removeEventListener('abort', abort);
  }
}

function discard(answer: GetObjectCommandOutput): void {
  const body = answer.Body as
    | { destroy?(): void; on?(event: 'error', listener: () => void): void }
    | undefined;
  body?.on?.('error', () => {});
  body?.destroy?.();
}
