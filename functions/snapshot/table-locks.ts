import { StatementFailed } from '../postgres/errors.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { oidArray } from './tables.ts';

export interface LockableTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** Takes ACCESS SHARE on each of the tables or on none, without waiting: SQLSTATE 55P03 when one can't be had. */
export async function lockTables(session: Session, tables: readonly LockableTable[]): Promise<void> {
  if (tables.length === 0) return;
  const names = tables.map(({ schema, name }) => `ONLY ${quoteName(schema, name)}`);
  await session.execute(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE NOWAIT`);
}

/** Does the server process hold ACCESS SHARE on every one of the tables? By oid, whatever they are called by now. */
export async function holdsLocks(
  session: Session,
  processId: number,
  tables: readonly LockableTable[],
): Promise<boolean> {
  const [row] = await session.query<{ missing: string }>(
    `SELECT count(*)::text AS missing
     FROM pg_catalog.unnest($2::pg_catalog.oid[]) AS t (oid)
     LEFT JOIN (
       SELECT DISTINCT l.relation FROM pg_catalog.pg_locks l
       WHERE l.pid = $1 AND l.locktype = 'relation' AND l.mode = 'AccessShareLock' AND l.granted
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
     ) h ON h.relation = t.oid
     WHERE h.relation IS NULL`,
    [processId, oidArray(tables.map(({ oid }) => oid))],
  );
  return row?.missing === '0';
}

/** lock_not_available */
export function isLockRefused(error: unknown): error is StatementFailed {
  return error instanceof StatementFailed && error.sqlState === '55P03';
}

/** The name in `could not obtain lock on relation "…"`, as the server says it. */
export function refusedTable(error: StatementFailed): string {
  return /"(.*?)"/.exec(error.message)?.[1] ?? 'a table';
}
