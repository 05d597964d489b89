import { z } from 'zod';
import { PageRange } from '../archive/manifest.ts';
import { RowsChanged } from '../snapshot/tables.ts';

/** One table's rows within one shard. */
export const PlannedChunk = z.object({
  oid: z.int().positive(),
  schema: z.string(),
  name: z.string(),
  columns: z.array(z.string()),
  /** `WHERE …`, of an extension's author. */
  condition: z.string().nullable(),
  loadThrough: z.object({ schema: z.string(), name: z.string() }).nullable(),
  /** How a profile changes the rows. */
  changed: RowsChanged.optional(),
  /** null: the whole table in one COPY. */
  pages: PageRange.nullable(),
  /** Heap pages that the chunk had when it was planned. */
  pageCount: z.int().nonnegative(),
  /** Heap and TOAST, estimated. */
  bytes: z.int().nonnegative(),
  /** The chunk begins its table's COPY in the sealed file. */
  first: z.boolean(),
  /** It ends it. */
  last: z.boolean(),
});
export type PlannedChunk = z.infer<typeof PlannedChunk>;

/** What one worker reads; complete, so that a worker needs no other plan. */
export const ShardPlan = z.object({
  /** From 1; the order of shards is the order of the sealed file. */
  shard: z.int().positive(),
  bytes: z.int().nonnegative(),
  chunks: z.array(PlannedChunk).min(1),
});
export type ShardPlan = z.infer<typeof ShardPlan>;
