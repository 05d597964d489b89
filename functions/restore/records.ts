import { z } from 'zod';
import { TableChunk, TableEntry } from '../archive/manifest.ts';
import { SavedComparison } from '../media/compare.ts';
import { TreeCount } from '../media/count-tree.ts';
import { AppliedProfile } from '../profile/treatment.ts';
import { restorePlanKey, runKey } from '../run/keys.ts';
import { RunId } from '../run/run-id.ts';
import { Rebuild } from '../target/rebuild.ts';

/** An object of a backup as PlanRestore found it; every read says that it must still be this one. */
const PinnedFile = z.object({ key: z.string(), etag: z.string() });

/** PlanRestore: what is restored, and where. */
export const RestoreRecord = z.object({
  backupId: RunId,
  database: PinnedFile,
  media: PinnedFile.nullable(),
  /** Media are copied from the source's bucket into the target's. */
  copiesMedia: z.boolean().default(false),
  /** `tables`: rows of some tables go into the target in use. */
  scope: z.enum(['database', 'tables']),
  /** Those whose rows are loaded, as `[schema, name]`; undefined: all. */
  tables: z.array(z.tuple([z.string(), z.string()])).optional(),
  rebuild: Rebuild,
  /** Applied to the rows on their way in; it holds no key. */
  profile: AppliedProfile.optional(),
  /** Patterns of media that are not restored. */
  excludeMedia: z.array(z.string()).optional(),
  /** The profile's: columns beyond Nautobot's own that refer to files. */
  files: z.array(z.string()).optional(),
  notes: z.array(z.string()),
});
export type RestoreRecord = z.infer<typeof RestoreRecord>;

/** What one worker loads: chunks of tables, each with what the manifest says of it and its table, and of no other. */
export const LoadPlan = z.object({
  shard: z.int().positive(),
  /** Changing them takes the key of the masks. */
  keyed: z.boolean().default(false),
  chunks: z.array(
    z.object({
      table: TableEntry.omit({ chunks: true }),
      /** How many chunks the table has. */
      of: z.int().positive(),
      /** This one's place among them. */
      index: z.int().nonnegative(),
      chunk: TableChunk,
      /** How the profile changes its rows. */
      changed: z
        .object({ columns: z.array(z.tuple([z.string(), z.string()])), where: z.string().nullable() })
        .optional(),
    }),
  ),
});
export type LoadPlan = z.infer<typeof LoadPlan>;

/** VerifyRestore, of media: what was counted so far, and what of the rows' files was met. */
export const MediaCount = z.object({ found: TreeCount, comparison: SavedComparison });
export type MediaCount = z.infer<typeof MediaCount>;

/** AddMediaObjects: what it copied. */
export const AddedObjects = z.object({ added: z.int().nonnegative() });

/** ExtractMedia, where patterns leave files out. */
export const LeftOutRecord = z.object({
  files: z.int(),
  directories: z.int(),
  links: z.int(),
  bytes: z.int(),
});

export const keys = {
  plan: restorePlanKey,
  mediaCount: (runId: RunId) => runKey(runId, 'media-count.json'),
  addedObjects: (runId: RunId) => runKey(runId, 'added-media-objects.json'),
  mediaLeftOut: (runId: RunId, shard: number) => runKey(runId, `media-left-out/${shard}.json`),
  load: (runId: RunId, shard: number) => runKey(runId, `load/${shard}.json`),
} as const;
