import { z } from 'zod';
import { RunId } from './run-id.ts';

/** What every state of a run carries under `$.run`. */
export const RunState = z.object({
  id: RunId,
  kind: z.enum(['backup', 'restore']),
  executionId: z.string(),
  startedAt: z.string(),
  /** A backup that lost its snapshot starts over once, in round 2. */
  round: z.int().min(1).max(2),
});
export type RunState = z.infer<typeof RunState>;

/** What a person may ask of a backup; the input of the Backup machine. No secret, no SQL. */
export const BackupOptions = z.strictObject({
  excludeTableData: z.array(z.string()).default([]),
  excludeTables: z.array(z.string()).default([]),
  schemaOnly: z.boolean().default(false),
  /** Patterns of media that stay out. */
  excludeMedia: z.array(z.string()).default([]),
  /** Workers at once. */
  jobs: z.int().min(1).max(1000).default(2),
  /** Bytes of table that a shard is planned for. */
  shardBytes: z
    .int()
    .min(1024 * 1024)
    .default(256 * 1024 * 1024),
  invalidateCache: z.boolean().default(false),
  /** Seconds that a transaction of production may wait for this backup's locks before the backup yields. */
  blockedSeconds: z.number().positive().default(30),
});
export type BackupOptions = z.infer<typeof BackupOptions>;

/** What a person may ask of a restore; the input of the Restore machine. */
export const RestoreOptions = z.strictObject({
  backup: z
    .string()
    .refine((id) => id === 'latest' || RunId.safeParse(id).success, {
      error: 'must be latest, or the id of a backup like 20261123T054300Z-k3f9qa',
    })
    .default('latest'),
  /** pg_dump patterns; empty: everything. */
  tables: z.array(z.string()).default([]),
  /** Patterns of media that are not restored. */
  excludeMedia: z.array(z.string()).default([]),
  keepPrevious: z.boolean().default(false),
  /** Afterwards remove what earlier restores have kept. */
  dropPrevious: z.boolean().default(false),
  jobs: z.int().min(1).max(1000).default(2),
  invalidateCache: z.boolean().default(false),
  /** Remove the tasks that wait in the target's broker. */
  drainBroker: z.boolean().default(false),
  afterRestore: z.boolean().default(false),
  /** Seconds that the command may take. */
  afterRestoreSeconds: z
    .int()
    .positive()
    .max(7 * 24 * 3600)
    .default(3600),
  /** Look at everything, build nothing: the machine ends after PlanRestore with what was found. */
  dryRun: z.boolean().default(false),
  /** The target's code may be older than the backup. */
  allowOlderCode: z.boolean().default(false),
  /** Restore although the target's disks seem too small. */
  ignoreDiskSpace: z.boolean().default(false),
});
export type RestoreOptions = z.infer<typeof RestoreOptions>;

/** Under `$.snapshot`: what every worker compares the snapshot it imported with. */
export const SnapshotState = z.object({
  /** `pg_current_snapshot()` of the keeper. */
  text: z.string(),
  takenAt: z.string(),
  walPosition: z.string().nullable(),
  /** Of the source database: `UTF8`. */
  encoding: z.string(),
});
export type SnapshotState = z.infer<typeof SnapshotState>;
