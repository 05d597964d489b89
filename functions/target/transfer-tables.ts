import { setTimeout as sleep } from 'node:timers/promises';
import type { SequenceEntry, TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database, Session } from '../postgres/session.ts';
import { refreshViewsOn, setOwnedSequences } from './around-tables.ts';
import { RowsDiffer, TargetBusy, TransferFailed } from './errors.ts';
import { applicationName } from './names.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader, openPinned } from './sessions.ts';
import { type Aside, forcedPolicies, foreignKeysAround, type PutBack, triggersOf } from './set-aside.ts';
import { hasSqlState } from './sql-state.ts';
import { checkTablesAlike } from './tables-alike.ts';

export interface TransferOptions {
  /** Entries of the selected tables; their rows are in the hidden database. */
  readonly tables: readonly TableEntry[];
  /** The manifest's. */
  readonly sequences: readonly SequenceEntry[];
  readonly signal?: AbortSignal | undefined;
}

export interface Transferred {
  readonly tables: number;
  readonly rows: number;
  readonly notes: readonly string[];
}

/**
 * Replaces the rows of some tables in the target, which stays in use, by those in the hidden database: in one
 * transaction, or not at all. Everything else in the target stays as it is; foreign keys are checked again.
 * @throws TableDiffers before anything is touched
 * @throws TargetBusy when the tables' locks can't be had
 * @throws TransferFailed naming the table or constraint; nothing was changed
 */
export async function transferTables(
  target: Database,
  rebuild: Rebuild,
  options: TransferOptions,
): Promise<Transferred> {
  const { tables, sequences, signal } = options;
  const hidden = await openLoader(target, rebuild, { part: 'transfer', asOwner: false, signal });
  const session = await openPinned(target, rebuild.target, {
    applicationName: applicationName(rebuild.runId, 'transfer'),
    signal,
  }).catch(async (error) => {
    await hidden.end();
    throw error;
  });
  try {
    await session.execute('SET synchronous_commit = on');
    await checkTablesAlike(hidden, session, tables);
    const aside = await lock(session, tables, signal);
    const rows = await replace(hidden, session, tables, aside);
    const notes = await setOwnedSequences(session, tables, sequences);
    await session.execute('COMMIT');
    await analyze(session, tables);
    return { tables: tables.length, rows, notes: [...notes, ...(await refreshViewsOn(session, tables))] };
  } catch (error) {
    await session.execute('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    await Promise.all([hidden.end(), session.end()]);
  }
}

const lockAttempts = 5;

/**
 * Opens the transaction and locks the tables and those at the other end of their foreign keys. Whoever waits for a
 * lock holds up everybody behind it, so it waits for seconds only and then lets the others through.
 */
async function lock(session: Session, tables: readonly TableEntry[], signal?: AbortSignal): Promise<Aside[]> {
  const involved = [...tables, ...roots(tables)];
  for (let attempt = 1; ; attempt++) {
    try {
      await session.execute("BEGIN; SET LOCAL lock_timeout = '3s'");
      await lockTables(session, tables.map(quoted));
      const keys = await foreignKeysAround(session, involved);
      const relations = new Set([...involved.map(quoted), ...keys.flatMap(({ tables }) => tables)]);
      await lockTables(session, [...relations]);
      return [
        ...keys,
        ...(await triggersOf(session, involved)),
        ...(await forcedPolicies(session, [...relations])),
      ];
    } catch (error) {
      await session.execute('ROLLBACK').catch(() => {});
      if (!hasSqlState(error, '55P03', '40P01')) throw explained(error, 'the tables could not be locked');
      if (attempt === lockAttempts)
        throw new TargetBusy(
          `tables to be restored, or tables that refer to them, stayed locked by other sessions (${error.message}); nothing was changed. Try again when they are idle`,
          { cause: error },
        );
      await sleep(attempt * 500, undefined, signal && { signal });
    }
  }
}

async function lockTables(session: Session, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const sorted = [...names].sort();
  await session.execute(`LOCK TABLE ${sorted.join(', ')} IN ACCESS EXCLUSIVE MODE`);
}

async function replace(
  hidden: Session,
  session: Session,
  tables: readonly TableEntry[],
  aside: readonly Aside[],
): Promise<number> {
  for (const { remove } of aside) await run(session, remove, remove);
  const all = tables.map(({ schema, name }) => `ONLY ${quoteName(schema, name)}`).join(', ');
  await run(session, `TRUNCATE TABLE ${all}`, 'the tables could not be emptied');
  let rows = 0;
  for (const table of tables) rows += await copy(hidden, session, table);
  // Unique constraints that are checked late are checked now: nothing may fail after the sequences are set
  await run(session, 'SET CONSTRAINTS ALL IMMEDIATE', 'a constraint that is checked late does not hold');
  for (const one of aside.flatMap(({ putBack }) => putBack)) await putBack(session, one);
  return rows;
}

/** @throws TransferFailed; of a foreign key that does not hold it says which rows, and how many, would refer to nothing */
async function putBack(session: Session, { what, statement, orphans }: PutBack): Promise<void> {
  if (!orphans) return run(session, statement, `${what} could not be put back`);
  await session.execute('SAVEPOINT put_back');
  try {
    await session.execute(statement);
    await session.execute('RELEASE SAVEPOINT put_back');
  } catch (error) {
    // foreign_key_violation
    if (!hasSqlState(error, '23503')) throw explained(error, `${what} could not be put back`);
    await session.execute('ROLLBACK TO SAVEPOINT put_back');
    // Types with operators of their own can't be counted so
    const [row] = await session.query<{ count: string }>(orphans.count).catch(() => []);
    throw explained(
      error,
      `${what} does not hold: ${row?.count ?? 'some'} rows of ${orphans.of} would refer to rows of ${orphans.missing} that are not there; restore both tables (--table for each), or change those rows first`,
    );
  }
}

async function copy(hidden: Session, session: Session, table: TableEntry): Promise<number> {
  const columns = table.columns.length === 0 ? '' : ` (${table.columns.map(quoteIdentifier).join(', ')})`;
  const into = table.loadThrough ?? table;
  const out = hidden.copyOut(`COPY ${quoteName(table.schema, table.name)}${columns} TO STDOUT`);
  try {
    const counted = await session.copyIn(
      `COPY ${quoteName(into.schema, into.name)}${columns} FROM STDIN`,
      out,
    );
    if (counted === out.rows) return counted;
    throw new RowsDiffer(
      `${table.schema}.${table.name}: ${counted} rows arrived in the target, ${out.rows} were sent; nothing was changed`,
    );
  } catch (error) {
    throw explained(error, `the rows of ${table.schema}.${table.name} do not fit the target`);
  }
}

async function run(session: Session, statement: string, what: string): Promise<void> {
  try {
    await session.execute(statement);
  } catch (error) {
    throw explained(error, what);
  }
}

function explained(error: unknown, what: string): unknown {
  if (!(error instanceof StatementFailed)) return error;
  return new TransferFailed(`${what}; nothing was changed in the target: ${error.message}`, { cause: error });
}

function quoted({ schema, name }: RelationName): string {
  return quoteName(schema, name);
}

function roots(tables: readonly TableEntry[]): RelationName[] {
  const through = tables.flatMap(({ loadThrough }) => loadThrough ?? []);
  return [...new Map(through.map((root) => [relationKey(root), root])).values()];
}

/** After the commit: nothing that is lost when it fails. */
async function analyze(session: Session, tables: readonly TableEntry[]): Promise<void> {
  for (const { schema, name } of tables) await session.execute(`ANALYZE ${quoteName(schema, name)}`);
}
