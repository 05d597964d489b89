import { z } from 'zod';
import type { TablePlan } from '../archive/assemble-database.ts';
import { PageRange, ProfileChanges, SequenceEntry, SourceFacts, TableEntry } from '../archive/manifest.ts';
import { DefinitionsResult } from '../archive/shard-result.ts';
import type { SectionName } from '../definitions/sections.ts';
import { type Round, roundKey } from '../run/keys.ts';
import { MediaLeftOut } from '../run/media-comparison.ts';
import { SequencePosition, SequenceToRead } from '../snapshot/sequences.ts';
import { TableToRead } from '../snapshot/tables.ts';

/**
 * What the states of a backup leave for one another in the store, below `runs/<id>/round-<n>/`: it grows with the
 * database, and a state's input must not.
 */
const Named = z.object({ schema: z.string(), name: z.string() });

/** OpenSnapshot: what the backup is to hold. */
export const SnapshotRecord = z.object({
  source: SourceFacts,
  rows: z.array(TableToRead),
  definitionOnly: z.array(TableToRead),
  leftOut: z.array(Named),
  /** Materialised views without their data. */
  unfilled: z.array(Named),
  sequences: z.array(SequenceToRead),
  positions: z.array(SequencePosition),
  notes: z.array(z.string()),
  profile: ProfileChanges.optional(),
});
export type SnapshotRecord = z.infer<typeof SnapshotRecord>;

/** DumpSchema, of a section: its working object, and what has to be said of it. */
export const SectionRecord = z.object({
  result: DefinitionsResult,
  roles: z.array(z.string()),
  notes: z.array(z.string()),
});
export type SectionRecord = z.infer<typeof SectionRecord>;

/** DumpSchema, when both sections are there and belong together. */
export const DefinitionsRecord = z.object({ notes: z.array(z.string()) });
export type DefinitionsRecord = z.infer<typeof DefinitionsRecord>;

/** PlanShards: every table of the backup, with the shards that its rows come from. */
export const PlanRecord = z.object({
  tables: z.array(
    Named.extend({
      columns: z.array(z.string()),
      content: TableEntry.shape.content,
      loadThrough: TableEntry.shape.loadThrough,
      relationPages: z.int().nonnegative().nullable(),
      chunks: z.array(z.object({ shard: z.int().positive(), pages: PageRange.nullable() })),
    }),
  ) satisfies z.ZodType<TablePlan[]>,
  shards: z.array(z.int().positive()),
});
export type PlanRecord = z.infer<typeof PlanRecord>;

/** PlanMedia: its shards, or why there is none. */
export const MediaRecord = z.object({
  shards: z.array(z.int().positive()),
  without: z.string().nullable(),
  notes: z.array(z.object({ path: z.string(), note: z.string() })),
  /** What patterns left out; they are in the manifest's settings. */
  leftOut: MediaLeftOut.optional(),
});

/** PlanMedia, between two invocations: what was found, and where the scan goes on. */
export const MediaScanRecord = z.object({
  shards: z.int().nonnegative(),
  files: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  notes: MediaRecord.shape.notes,
  leftOut: MediaLeftOut.omit({ patterns: true }),
  rest: z.object({ path: z.string(), kind: z.enum(['file', 'directory', 'symlink']) }).nullable(),
});

/** ReadSequences. */
export const SequencesRecord = z.object({
  result: DefinitionsResult,
  entries: z.array(SequenceEntry),
  notes: z.array(z.string()),
});

export const keys = {
  snapshot: (at: Round) => roundKey(at, 'snapshot.json'),
  definitions: (at: Round) => roundKey(at, 'definitions.json'),
  sectionRecord: (at: Round, section: SectionName) => roundKey(at, `definitions/${section}.json`),
  schemaPart: (at: Round, section: SectionName) => roundKey(at, `definitions/${section}.sql`),
  plan: (at: Round) => roundKey(at, 'plan.json'),
  media: (at: Round) => roundKey(at, 'media.json'),
  cache: (at: Round) => roundKey(at, 'cache.json'),
  mediaComparison: (at: Round) => roundKey(at, 'media-comparison.json'),
  mediaScan: (at: Round) => roundKey(at, 'media-scan.json'),
  sequences: (at: Round) => roundKey(at, 'sequences.json'),
  /** Its existence tells keepers that the snapshot is needed no more. */
  released: (at: Round) => roundKey(at, 'released'),
  tarEnd: (at: Round) => roundKey(at, 'tar-end'),
  section: (at: Round, name: string, attempt: string) => roundKey(at, `definitions/${name}/${attempt}`),
  shardPlan: (at: Round, shard: number) => roundKey(at, `shards/${shard}/plan.json`),
  shardResult: (at: Round, shard: number, leg: number) =>
    roundKey(at, `shards/${shard}/result${leg === 1 ? '' : `-${leg}`}.json`),
  shardObject: (at: Round, shard: number, attempt: string) => roundKey(at, `shards/${shard}/${attempt}`),
  mediaPlan: (at: Round, shard: number) => roundKey(at, `media/${shard}/plan.json`),
  mediaResult: (at: Round, shard: number) => roundKey(at, `media/${shard}/result.json`),
  mediaObject: (at: Round, shard: number, attempt: string) => roundKey(at, `media/${shard}/${attempt}`),
} as const;
