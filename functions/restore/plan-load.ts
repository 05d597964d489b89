import type { TableEntry } from '../archive/manifest.ts';
import type { LoadPlan } from './records.ts';

/** What a table costs however few its rows are: a transaction, a TRUNCATE, a read. In bytes of rows. */
const chunkCost = 256 * 1024;
const finestShard = 4 * 1024 * 1024;
const coarsestShard = 512 * 1024 * 1024;
const shardsPerJob = 6;

/** Deals the chunks of tables out to workers, the large ones first and alone, the small ones packed together. */
export function planLoad(tables: readonly TableEntry[], jobs: number): LoadPlan[] {
  const chunks = tables
    .flatMap((entry) =>
      entry.chunks.map((chunk, chunkIndex) => ({ entry, chunkIndex, bytes: chunk.rawBytes + chunkCost })),
    )
    // What is empty needs no loading
    .filter(({ entry, chunkIndex }) => (entry.chunks[chunkIndex]?.rows ?? 0) > 0)
    .sort((a, b) => b.bytes - a.bytes);
  const total = chunks.reduce((sum, { bytes }) => sum + bytes, 0);
  const target = Math.min(coarsestShard, Math.max(finestShard, total / (jobs * shardsPerJob)));
  const plans: LoadPlan[] = [];
  let packed: LoadPlan['chunks'] = [];
  let packedBytes = 0;
  const close = () => {
    if (packed.length > 0) plans.push({ shard: plans.length + 1, chunks: packed });
    packed = [];
    packedBytes = 0;
  };
  for (const { entry, chunkIndex, bytes } of chunks) {
    if (packedBytes + bytes > target) close();
    packed.push({ entry, chunkIndex });
    packedBytes += bytes;
  }
  close();
  return plans;
}
