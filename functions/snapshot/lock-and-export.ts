import { setTimeout as sleep } from 'node:timers/promises';
import { StatementFailed } from '../postgres/errors.ts';
import type { Session } from '../postgres/session.ts';
import { checkReadable, lockTableTooSmall } from './check-readable.ts';
import { SnapshotBlocked, TableNotReadable, TablesKeepChanging } from './errors.ts';
import { type Relation, readRelations } from './relations.ts';
import { type LeaveOut, type Selection, selectRelations } from './select-relations.ts';
import { holdsLocks, isLockRefused, lockTables, refusedTable } from './table-locks.ts';

export interface LockAndExport {
  readonly leaveOut: LeaveOut;
  readonly databaseName: string;
  /** Seconds to go on asking for locks that others hold. */
  readonly lockWaitSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Exported {
  readonly snapshotId: string;
  readonly selection: Selection;
}

const triesAtAList = 3;

/**
 * Opens the transaction whose snapshot the backup is, and leaves it open.
 *
 * The locks come before the snapshot: a snapshot taken while another transaction is about to replace a table's file
 * (ALTER TABLE … TYPE, TRUNCATE) would later see that table empty, without an error. Whoever committed before we got
 * the lock is seen whole, whoever comes after waits.
 * @throws SnapshotBlocked, TablesKeepChanging, TableNotReadable, LockTableTooSmall, PatternMatchesNothing
 */
export async function lockAndExport(session: Session, options: LockAndExport): Promise<Exported> {
  let listed = await readRelations(session);
  for (let attempt = 1; attempt <= triesAtAList; attempt++) {
    const selection = selectRelations(listed, options.leaveOut, options.databaseName);
    await checkReadable(session, selection);
    if (await beginWithLocks(session, selection.locked, options)) {
      const [exported] = await session.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
      const seen = await readRelations(session);
      const now = selectRelations(seen, options.leaveOut, options.databaseName);
      const same = isCovered(selection.locked, now.locked, attempt === triesAtAList);
      if (same && (await holdsLocks(session, session.processId, now.locked)))
        return { snapshotId: exported?.id ?? '', selection: now };
      await session.execute('ROLLBACK');
      listed = seen;
    } else {
      listed = await readRelations(session);
    }
  }
  throw new TablesKeepChanging(
    `tables were created, renamed or replaced each of the ${triesAtAList} times that the snapshot was opened; run the backup again when the migration has ended`,
  );
}

/**
 * Is every table that the snapshot shows one that was locked before it?
 * A file that was replaced between the list and the lock does no harm, the lock came before the snapshot: at the last
 * try it is let pass, so that a table that is truncated all the time can be backed up.
 */
function isCovered(locked: readonly Relation[], seen: readonly Relation[], last: boolean): boolean {
  const before = new Map(locked.map((relation) => [relation.oid, relation]));
  return seen.every((relation) => {
    const old = before.get(relation.oid);
    if (old === undefined || old.schema !== relation.schema || old.name !== relation.name) return false;
    return last || old.filenode === relation.filenode;
  });
}

/**
 * A whole new transaction for each try, so that no lock is held while waiting.
 * @returns false when the list is out of date: a table on it is gone
 */
async function beginWithLocks(
  session: Session,
  tables: readonly Relation[],
  { lockWaitSeconds, signal }: LockAndExport,
): Promise<boolean> {
  const deadline = performance.now() + lockWaitSeconds * 1000;
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    try {
      await lockTables(session, tables);
      return true;
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      await session.execute('ROLLBACK');
      if (isOutOfDate(error)) return false;
      if (error.sqlState === '42501')
        throw new TableNotReadable(
          `${error.message}; GRANT SELECT on it, or leave it out with --exclude-table`,
          {
            cause: error,
          },
        );
      if (error.sqlState === '53200') throw await lockTableTooSmall(session, tables.length, error);
      if (!isLockRefused(error)) throw error;
      if (performance.now() > deadline)
        throw new SnapshotBlocked(
          `another transaction has held "${refusedTable(error)}" exclusively, or waited to, for ${lockWaitSeconds} s; run the backup again when it has ended${await holders(session)}`,
          { cause: error },
        );
      // Not in step with whoever asks for the lock again and again as well
      await sleep(pause * (0.5 + Math.random()), undefined, signal ? { signal } : {});
    }
  }
}

/** undefined_table, invalid_schema_name, wrong_object_type */
function isOutOfDate(error: StatementFailed): boolean {
  return ['42P01', '3F000', '42809'].includes(error.sqlState);
}

/** Who holds or wants something exclusively, for a message; statements are not shown, they may hold secrets. */
async function holders(session: Session): Promise<string> {
  const rows = await session.query<{ pid: number; role: string | null; name: string | null }>(
    `SELECT DISTINCT a.pid, a.usename::text AS role, a.application_name AS name
     FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND a.datname = pg_catalog.current_database()
     ORDER BY a.pid LIMIT 3`,
  );
  const named = rows.map(({ pid, role, name }) => `process ${pid} of ${role}${name ? ` (${name})` : ''}`);
  return named.length === 0 ? '' : `: ${named.join(', ')}`;
}
