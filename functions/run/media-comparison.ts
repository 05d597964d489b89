import { z } from 'zod';

const count = z.int().nonnegative();

/** Files that are named in full, in a manifest or a report; the count beside them is of all. */
export const mostNamed = 200;

/** Files that patterns left out of an archive, or of a restore. */
export const MediaLeftOut = z.object({ patterns: z.array(z.string()), files: count, bytes: count });
export type MediaLeftOut = z.infer<typeof MediaLeftOut>;

/**
 * The files that a database refers to, held against the files that are there. Neither a missing nor an orphaned file
 * is an error: an orphan may be an app's own, and a missing one was missing before.
 */
export const MediaComparison = z.object({
  /** Columns that were looked at: `schema.table.column`. */
  columns: z.array(z.string()),
  /** Different files that they refer to. */
  referenced: count,
  /** Files that are there, links included. */
  files: count,
  missing: count,
  /** Missing because a pattern left them out; not among `missing`. */
  leftOut: count.default(0),
  missingFiles: z.array(z.object({ path: z.string(), column: z.string() })),
  orphaned: count,
  orphanedFiles: z.array(z.string()),
});
export type MediaComparison = z.infer<typeof MediaComparison>;
