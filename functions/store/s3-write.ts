import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, type PutObjectCommandOutput, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { UploadIncomplete } from './errors.ts';
import type { ObjectFacts, Retention } from './object-store.ts';
import type { S3Context } from './s3-context.ts';
import { failureOf, isConflict, isNotImplemented, isPreconditionFailed, isUncertain } from './s3-failures.ts';
import { get, head, headOfSize } from './s3-read.ts';

export async function put(
  s3: S3Context,
  key: string,
  body: Buffer,
  contentType: string | undefined,
): Promise<ObjectFacts> {
  const signal = s3.signalOf();
  return s3.doing('s3:PutObject', key, signal, async () => {
    const answer = await send(s3, key, body, contentType, false);
    return written(s3, key, body.length, answer);
  });
}

export async function retain(s3: S3Context, key: string, { mode, until }: Retention): Promise<void> {
  const signal = s3.signalOf();
  const command = new PutObjectRetentionCommand({
    ...s3.at(key),
    Retention: { Mode: mode, RetainUntilDate: until },
  });
  await s3.doing('s3:PutObjectRetention', key, signal, () =>
    s3.send((client, sending) => client.send(command, sending), signal),
  );
}

const turns = new Map<string, Promise<unknown>>();

/** Within this process one writer of a key at a time, which is exact even where the server ignores conditions. */
export async function putNew(
  s3: S3Context,
  key: string,
  body: Buffer,
  contentType: string | undefined,
): Promise<ObjectFacts | undefined> {
  const signal = s3.signalOf();
  const { server } = await s3.connection();
  const turn = `${server} ${s3.uri(key)}`;
  const before = turns.get(turn) ?? Promise.resolve();
  const mine = before
    .catch(() => {})
    .then(() => s3.doing('s3:PutObject', key, signal, () => putIfNew(s3, key, body, contentType)));
  turns.set(turn, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(turn) === mine) turns.delete(turn);
  }
}

const conflictsAtMost = 8;

async function putIfNew(
  s3: S3Context,
  key: string,
  body: Buffer,
  contentType: string | undefined,
): Promise<ObjectFacts | undefined> {
  const { lenient } = await s3.connection();
  for (let conflicts = 0; ; ) {
    if ((lenient || !s3.knowsConditions) && (await head(s3, key))) return undefined;
    try {
      const answer = await send(s3, key, body, contentType, s3.knowsConditions);
      const facts = await written(s3, key, body.length, answer);
      // Where a condition may have been ignored, a writer at the same time may have won.
      return lenient ? await ours(s3, key, body) : facts;
    } catch (error) {
      // A request that was repeated may have met what it had written itself.
      if (isPreconditionFailed(error)) return failureOf(error).attempts > 1 ? ours(s3, key, body) : undefined;
      if (isConflict(error) && conflicts < conflictsAtMost) {
        conflicts += 1;
        await sleep(50 * 2 ** Math.min(conflicts, 5) * Math.random());
      } else if (s3.knowsConditions && isNotImplemented(error)) {
        s3.knowsConditions = false;
      } else if (isUncertain(error)) {
        const found = await get(s3, key).catch(() => {
          throw error;
        });
        if (!found) throw error;
        return found.body.equals(body) ? found.facts : undefined;
      } else {
        throw error;
      }
    }
  }
}

async function ours(s3: S3Context, key: string, body: Buffer): Promise<ObjectFacts | undefined> {
  const found = await get(s3, key);
  return found?.body.equals(body) ? found.facts : undefined;
}

function send(
  s3: S3Context,
  key: string,
  body: Buffer,
  contentType: string | undefined,
  onlyNew: boolean,
): Promise<PutObjectCommandOutput> {
  const command = new PutObjectCommand({
    ...s3.at(key),
    Body: body,
    ContentLength: body.length,
    ...(contentType !== undefined && { ContentType: contentType }),
    ...(onlyNew && { IfNoneMatch: '*' }),
  });
  return s3.send((client, sending) => client.send(command, sending), s3.signalOf());
}

/** What is there after a write, once the server shows all of it. */
export async function written(
  s3: S3Context,
  key: string,
  size: number,
  answer: { ETag?: string | undefined; VersionId?: string | undefined },
): Promise<ObjectFacts> {
  const { lenient } = await s3.connection();
  if (!lenient && answer.ETag !== undefined)
    return {
      key,
      size,
      etag: answer.ETag,
      ...(answer.VersionId !== undefined && { versionId: answer.VersionId }),
    };
  const { facts, whole } = await headOfSize(s3, key, size);
  if (facts && whole) return facts;
  throw new UploadIncomplete(
    `${s3.uri(key)} was written with ${size} bytes, and the server shows ${facts ? `${facts.size} bytes` : 'nothing'}; repeat the run`,
  );
}
