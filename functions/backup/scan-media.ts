import type { z } from 'zod';
import { readResult } from '../archive/put-result.ts';
import { defaultMostShards } from '../media/cut-into-shards.ts';
import { planSome } from '../media/plan.ts';
import type { Round } from '../run/keys.ts';
import type { Lifetime } from '../run/lifetime.ts';
import { leave } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys, MediaScanRecord } from './records.ts';

/** Plans written at the same time; one names up to 20,000 files. */
const width = 8;

type MediaScan = z.infer<typeof MediaScanRecord>;

const nothingYet: MediaScan = {
  shards: 0,
  files: 0,
  bytes: 0,
  notes: [],
  leftOut: { files: 0, bytes: 0 },
  rest: null,
};

/**
 * Plans the shards of a media directory, from where an earlier call ended, and leaves them. Repeatable.
 * @returns what was found so far; `rest` is null when that is all
 * @throws MediaDirectoryMissing, MediaUnreadable, BadMediaPattern
 */
export async function scanSome(
  store: ObjectStore,
  at: Round,
  directory: string,
  options: {
    readonly shardBytes: number;
    readonly exclude: readonly string[];
    readonly life: Lifetime;
    readonly signal: AbortSignal;
  },
): Promise<MediaScan> {
  const before = (await readResult(store, keys.mediaScan(at), MediaScanRecord)) ?? nothingYet;
  if (before !== nothingYet && before.rest === null) return before;
  const { plan, rest } = await planSome(directory, {
    ...options,
    after: before.rest ?? undefined,
    mostShards: Math.max(1, defaultMostShards - before.shards),
  });
  const shards = plan.shards.map((each) => ({ ...each, shard: before.shards + each.shard }));
  for (let from = 0; from < shards.length; from += width)
    await Promise.all(
      shards.slice(from, from + width).map((shard) => leave(store, keys.mediaPlan(at, shard.shard), shard)),
    );
  const scan: MediaScan = {
    shards: before.shards + shards.length,
    files: before.files + plan.files,
    bytes: before.bytes + plan.bytes,
    notes: [...before.notes, ...plan.notes],
    leftOut: {
      files: before.leftOut.files + plan.leftOut.files,
      bytes: before.leftOut.bytes + plan.leftOut.bytes,
    },
    rest: rest ?? null,
  };
  await leave(store, keys.mediaScan(at), scan);
  return scan;
}
