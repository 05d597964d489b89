import { randomBytes } from 'node:crypto';
import type { Database, Session } from '../postgres/session.ts';
import { checkCatalogue } from './catalogue-check.ts';
import { type DumpText, takeApart } from './dump-text.ts';
import { checkNothingNeeds, exclusionOf, type TableName } from './excluded-tables.ts';
import { notesOnLeftOut } from './left-out.ts';
import { review } from './review.ts';
import { runPgDump } from './run-pg-dump.ts';
import type { SectionName } from './sections.ts';

export interface DumpDefinitionsOptions {
  /** Of the sessions that this opens: two for pg_dump, one that looks at the catalogue. */
  readonly applicationName: string;
  /** Tables (views, matviews, sequences, foreign tables) whose definitions stay out, by exact name. */
  readonly excludeTables?: readonly TableName[];
  /** Materialised views that are defined but not filled, although the source has them filled. */
  readonly unfilled?: readonly TableName[];
  /** Leave all materialised views unpopulated. */
  readonly schemaOnly?: boolean;
  /** Relations of any kind up to which both sections are read at the same time; 5,000 by default. */
  readonly atOnceUpTo?: number;
  /** Milliseconds that pg_dump may wait for a lock on tables; 30,000 by default. */
  readonly lockWaitMs?: number;
  readonly signal?: AbortSignal;
}

export interface Definitions {
  /** Settings, then everything that must exist before rows. Ends with a newline. */
  readonly preData: string;
  /** Everything that comes after rows and sequences; relies on the settings that `preData` begins with. */
  readonly postData: string;
  /** What `pg_dump -s` gives: both, without what fills materialised views. */
  readonly schema: string;
  /** Roles that definitions name: none of them is in the backup. */
  readonly roles: string[];
  /** What was taken out and why, what a restore may not be able to create, pg_dump's warnings. */
  readonly notes: string[];
}

/** Left out always: owners and grants are the target's own, subscriptions and labels would act on their own. */
const leftOut = [
  '--no-owner',
  '--no-privileges',
  '--no-subscriptions',
  '--no-security-labels',
  '--no-tablespaces',
  '--no-large-objects',
  '--no-statistics',
];

/** One section, in the shape that it has in the sealed file; both together are a dump. */
export interface SectionText {
  readonly text: string;
  /** Its part of schema.sql. */
  readonly schema: string;
  readonly roles: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Reads a database's definitions with pg_dump 18 under the snapshot of a session. Every statement of what comes back
 * parses, and the catalogues are those of the snapshot.
 * @param inSnapshot in a REPEATABLE READ transaction; may hold locks; stays usable
 * @throws DefinitionsFailed, DefinitionsChanged (may start over), ExclusionBreaksOthers, ConnectionLost
 */
export async function dumpDefinitions(
  database: Database,
  inSnapshot: Session,
  options: DumpDefinitionsOptions,
): Promise<Definitions> {
  await checkNothingNeeds(inSnapshot, options.excludeTables ?? []);
  const [pre, post] = await dumpBoth(database, inSnapshot, options);
  const notes = [...pre.notes, ...post.notes, ...(await checkDumped(database, inSnapshot, options))];
  return {
    preData: pre.text,
    postData: post.text,
    schema: pre.schema + post.schema,
    roles: [...new Set([...pre.roles, ...post.roles])].sort(),
    notes: [...new Set(notes)],
  };
}

/** pg_dump holds everything it knows of a database in memory, some 2 kB a relation of any kind (measured). */
const fewRelations = 5_000;

/** Whether there is memory for both sections at the same time. */
export async function areFew(
  inSnapshot: Session,
  { atOnceUpTo = fewRelations }: DumpDefinitionsOptions,
): Promise<boolean> {
  const [row] = await inSnapshot.query<{ relations: string }>(
    'SELECT pg_catalog.count(*)::text AS relations FROM pg_catalog.pg_class',
  );
  return Number(row?.relations) <= atOnceUpTo;
}

/** Both sections, at the same time where they are few. The first failure ends the other one. */
export async function dumpBoth(
  database: Database,
  inSnapshot: Session,
  options: DumpDefinitionsOptions,
): Promise<[SectionText, SectionText]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const dump = async (section: SectionName) => {
    try {
      return await dumpSection(database, inSnapshot, section, { ...options, signal });
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  if (!(await areFew(inSnapshot, options))) return [await dump('pre-data'), await dump('post-data')];
  const dumps = [dump('pre-data'), dump('post-data')] as const;
  await Promise.allSettled(dumps);
  return Promise.all(dumps);
}

/** @throws DefinitionsFailed, ConnectionLost */
export async function dumpSection(
  database: Database,
  inSnapshot: Session,
  section: SectionName,
  options: DumpDefinitionsOptions,
): Promise<SectionText> {
  const { text, warnings } = await runSection(database, inSnapshot, section, options);
  const { preamble, body, ending } = text;
  if (section === 'pre-data') {
    const { text, definitionsOnly, roles, notes } = await review(body);
    return {
      text: preamble + text,
      schema: preamble + definitionsOnly,
      roles,
      notes: [...warnings, ...notes],
    };
  }
  const { text: all, definitionsOnly, roles, notes } = await review(body, options.unfilled);
  const schema = continued(definitionsOnly) + ending;
  return { text: options.schemaOnly ? schema : continued(all) + ending, schema, roles, notes };
}

/**
 * What comes when both sections are there.
 * @returns notes on what the database has and the dump hasn't
 * @throws DefinitionsChanged
 */
export async function checkDumped(
  database: Database,
  inSnapshot: Session,
  options: DumpDefinitionsOptions,
): Promise<string[]> {
  const notes = await notesOnLeftOut(inSnapshot);
  await checkAgainstNow(database, inSnapshot, options);
  return notes;
}

/** A body begins with the empty line after its settings, which are not said twice. */
function continued(body: string): string {
  return body.replace(/^\n/, '');
}

interface Dumped {
  readonly text: DumpText;
  readonly warnings: readonly string[];
}

async function runSection(
  database: Database,
  inSnapshot: Session,
  section: SectionName,
  options: DumpDefinitionsOptions,
): Promise<Dumped> {
  const exclusion = exclusionOf(options.excludeTables ?? []);
  const [row] = await inSnapshot.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
  const { signal } = options;
  const session = await database.connect({
    applicationName: options.applicationName,
    // What the server writes down for pg_dump must mean what pg_dump's own settings say
    settings: { standard_conforming_strings: 'on' },
    ...(signal && { signal }),
  });
  const { serverVersion } = session;
  const restrictKey = randomBytes(16).toString('hex');
  const { text, warnings } = await runPgDump(
    session.takeOver(),
    [
      `--section=${section}`,
      `--snapshot=${row?.id}`,
      '--encoding=UTF8',
      `--restrict-key=${restrictKey}`,
      `--lock-wait-timeout=${options.lockWaitMs ?? 30_000}`,
      ...leftOut,
      ...exclusion.args,
    ],
    { input: exclusion.input, signal },
  );
  return { text: takeApart(text, restrictKey, serverVersion), warnings };
}

async function checkAgainstNow(
  database: Database,
  inSnapshot: Session,
  { applicationName, signal }: DumpDefinitionsOptions,
): Promise<void> {
  const now = await database.connect({ applicationName, ...(signal ? { signal } : {}) });
  try {
    await checkCatalogue(inSnapshot, now);
  } finally {
    await now.end();
  }
}
