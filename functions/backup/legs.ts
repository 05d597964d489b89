import { readResult } from '../archive/put-result.ts';
import { RowsResult } from '../archive/shard-result.ts';
import type { Round } from '../run/keys.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys } from './records.ts';

/** What has been read of a shard so far, leg by leg; the last one says whether that is all. */
export async function readLegs(store: ObjectStore, at: Round, shard: number): Promise<RowsResult[]> {
  const legs: RowsResult[] = [];
  do {
    const next = await readResult(store, keys.shardResult(at, shard, legs.length + 1), RowsResult);
    if (!next) return legs;
    legs.push(next);
  } while (legs.at(-1)?.rest);
  return legs;
}
