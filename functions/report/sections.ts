import { z } from 'zod';
import { CheckEntry } from '../run/check.ts';
import { MediaComparison, MediaLeftOut } from '../run/media-comparison.ts';

/**
 * What the states of a restore leave for its report, by the state's name. A section is what the state came to, for
 * people and programs: counts and names, never a value of a row and never a secret. Lists that grow with a database
 * are cut by who leaves them, with the count of all beside them. docs/report.md explains every field; fields are only
 * ever added.
 */
const count = z.int().nonnegative();

export const sections = {
  /** What was restored, and what was looked at before anything was built. */
  PlanRestore: z.object({
    /** null: none was found. */
    backupId: z.string().nullable(),
    scope: z.enum(['database', 'tables', 'media']),
    /** `schema.table`; only with the scope `tables`. */
    tables: z.array(z.string()).optional(),
    checks: z.array(CheckEntry).optional(),
  }),
  /** What a profile took away before anybody could connect. */
  Sanitize: z.object({
    /** Of the profile or file; null: none. */
    name: z.string().nullable(),
    statements: count.optional(),
    /** Tables that lost rows; `rows` are those that went, where they were counted. */
    removed: z.array(z.object({ table: z.string(), rows: count.optional() })).optional(),
    masked: z
      .array(z.object({ table: z.string(), columns: z.array(z.string()), rows: count.optional() }))
      .optional(),
    /** Rows that would have acted on the world: webhooks, scheduled jobs. */
    disabled: z.array(z.object({ table: z.string(), column: z.string(), rows: count.optional() })).optional(),
    /** `schema.table.column` that looks like a secret and that no rule is about. */
    suspicious: z.array(z.string()).optional(),
  }),
  VerifyRestore: z.object({
    tables: count,
    rows: count,
    media: z.object({ files: count, bytes: count, leftOut: MediaLeftOut.optional() }).nullable(),
  }),
  /** Of `restore --media-only`, which is no machine's run. */
  RestoreMedia: z.object({
    patterns: z.array(z.string()),
    replaced: count,
    added: count,
    bytes: count,
  }),
  /** Of media in a remote storage backend, copied from the source's bucket into the target's. */
  CopyMedia: z.object({
    /** `s3://bucket/prefix` of either. */
    from: z.string(),
    to: z.string(),
    /** Objects of the source and their bytes, without what patterns leave out. */
    files: count,
    bytes: count,
    /** Copied because the target had none of the name. */
    added: count,
    /** Copied over another one. */
    replaced: count,
    /** Of the target, gone because the source has none of the name. */
    removed: count,
    /** Of the source, named by a pattern. */
    leftOut: count,
    /** Of the target, there still although the source has none of the name. */
    others: count,
  }),
  /** Left by VerifyRestore, where media are restored. */
  CompareMedia: z.object({
    /** As the backup found them, before any profile; null: it was made before there was a comparison. */
    backup: MediaComparison.nullable(),
    /** Rows and files as they come into use. */
    restored: MediaComparison,
  }),
  SwitchOver: z.object({
    endedSessions: count.optional(),
    /** Milliseconds in which no session could use the target. */
    awayMs: z.number().optional(),
    /** Name of the database that was in use before, where it was kept. */
    previous: z.string().nullable(),
    /** What the old database had at database level and the new one has now, in words. */
    carriedOver: z.array(z.string()).optional(),
  }),
  InvalidateCache: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('redis'),
      deleted: count,
      remaining: count,
      databases: z.array(
        z.object({
          db: count,
          deleted: count,
          /** Keys that came back although they had been deleted, and the first ten of them. */
          remaining: count,
          reappeared: z.array(z.string()).default([]),
          /** What was found: entries of the Django cache, and of the query cache of Nautobot 1.6. */
          django: count.default(0),
          queryCache: count.default(0),
          broker: z.boolean(),
          otherVersions: count,
          otherPrefixes: z.array(z.string()).default([]),
        }),
      ),
    }),
    z.object({ kind: z.literal('command'), seconds: z.number() }),
  ]),
  DrainBroker: z.object({
    /** Where it is, without user and password. */
    broker: z.string(),
    /** Removed, of all queues together. */
    tasks: count,
    queues: z.array(
      z.object({
        /** `unacked`: what workers had taken and not finished. */
        queue: z.string(),
        tasks: count,
        /** With a time before which they were not to run; of the first 5,000. */
        scheduled: count,
        names: z.array(z.object({ task: z.string(), count })),
      }),
    ),
    /** There again right after: something still sends them. */
    remaining: count,
    /** Prefixes of other applications' queues, which were left. */
    otherPrefixes: z.array(z.string()),
  }),
  AfterRestore: z.object({
    seconds: z.number(),
    /** The end of what the command printed. */
    output: z.string(),
    /** null: it was ended by a signal. */
    exitCode: z.int().nullable().default(0),
    timedOut: z.boolean().default(false),
  }),
} as const;

export type Sections = typeof sections;
export type SectionName = keyof Sections;
export type Section<Name extends SectionName> = Unchanging<z.input<Sections[Name]>>;

type Unchanging<Value> = Value extends readonly (infer Item)[]
  ? readonly Unchanging<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: Unchanging<Value[Key]> }
    : Value;
