import { randomBytes } from 'node:crypto';
import type { Database, Session } from '../postgres/session.ts';
import { checkCatalogue } from './catalogue-check.ts';
import { type DumpText, takeApart } from './dump-text.ts';
import { checkNothingNeeds, exactPattern, type TableName } from './excluded-tables.ts';
import { notesOnLeftOut } from './left-out.ts';
import { review } from './review.ts';
import { runPgDump } from './run-pg-dump.ts';

export interface DumpDefinitionsOptions {
  /** Of the sessions that this opens: two for pg_dump, one that looks at the catalogue. */
  readonly applicationName: string;
  /** Tables (views, matviews, sequences, foreign tables) whose definitions stay out, by exact name. */
  readonly excludeTables?: readonly TableName[];
  /** Materialised views that are defined but not filled, although the source has them filled. */
  readonly unfilled?: readonly TableName[];
  /** Leave all materialised views unpopulated. */
  readonly schemaOnly?: boolean;
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

type Section = 'pre-data' | 'post-data';

/**
 * Reads a database's definitions with pg_dump 18 under the snapshot of a session, which exports it; two sections at the
 * same time. Every statement of what comes back parses, and the catalogues are those of the snapshot.
 * @param inSnapshot in a REPEATABLE READ transaction; may hold locks; stays usable
 * @throws DefinitionsFailed, DefinitionsChanged (may start over), ExclusionBreaksOthers, ConnectionLost
 */
export async function dumpDefinitions(
  database: Database,
  inSnapshot: Session,
  options: DumpDefinitionsOptions,
): Promise<Definitions> {
  const { excludeTables = [], schemaOnly = false } = options;
  await checkNothingNeeds(inSnapshot, excludeTables);
  const [before, after] = await dumpSections(database, inSnapshot, options);
  const [pre, post] = [await review(before.text.body), await review(after.text.body, options.unfilled)];
  const notes = [...before.warnings, ...pre.notes, ...post.notes, ...(await notesOnLeftOut(inSnapshot))];
  await checkAgainstNow(database, inSnapshot, options);
  const { preamble, ending } = before.text;
  return {
    preData: preamble + pre.text,
    postData: continued(schemaOnly ? post.definitionsOnly : post.text) + ending,
    schema: preamble + pre.definitionsOnly + continued(post.definitionsOnly) + ending,
    roles: [...new Set([...pre.roles, ...post.roles])].sort(),
    notes: [...new Set(notes)],
  };
}

/** A body begins with the empty line after its settings, which are not said twice. */
function continued(body: string): string {
  return body.replace(/^\n/, '');
}

interface Dumped {
  readonly text: DumpText;
  readonly warnings: readonly string[];
}

/** pg_dump holds everything it knows of a database in memory, some 20 kB a relation; twice that if there are few. */
const atOnceUpTo = 5_000;

async function dumpSections(
  database: Database,
  inSnapshot: Session,
  options: DumpDefinitionsOptions,
): Promise<[Dumped, Dumped]> {
  const [row] = await inSnapshot.query<{ id: string; relations: string }>(
    'SELECT pg_catalog.pg_export_snapshot() AS id, (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class)::text AS relations',
  );
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const dump = async (section: Section) => {
    try {
      return await dumpSection(database, section, String(row?.id), options, signal);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  if (Number(row?.relations) > atOnceUpTo) return [await dump('pre-data'), await dump('post-data')];
  const dumps = [dump('pre-data'), dump('post-data')] as const;
  await Promise.allSettled(dumps);
  return Promise.all(dumps);
}

async function dumpSection(
  database: Database,
  section: Section,
  snapshotId: string,
  options: DumpDefinitionsOptions,
  signal: AbortSignal,
): Promise<Dumped> {
  const session = await database.connect({
    applicationName: options.applicationName,
    // What the server writes down for pg_dump must mean what pg_dump's own settings say
    settings: { standard_conforming_strings: 'on' },
    signal,
  });
  const { serverVersion } = session;
  const restrictKey = randomBytes(16).toString('hex');
  const { text, warnings } = await runPgDump(
    session.takeOver(),
    [
      `--section=${section}`,
      `--snapshot=${snapshotId}`,
      '--encoding=UTF8',
      `--restrict-key=${restrictKey}`,
      `--lock-wait-timeout=${options.lockWaitMs ?? 30_000}`,
      ...leftOut,
      ...(options.excludeTables ?? []).map((table) => `--exclude-table=${exactPattern(table)}`),
    ],
    signal,
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
