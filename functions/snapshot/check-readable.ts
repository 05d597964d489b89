import type { Session } from '../postgres/session.ts';
import { LockTableTooSmall, TableNotReadable } from './errors.ts';
import type { Relation } from './relations.ts';
import type { Selection } from './select-relations.ts';

/**
 * Finds out before anything is locked what would fail in the middle of a backup.
 * @throws TableNotReadable naming the tables, LockTableTooSmall naming the setting and the value needed
 */
export async function checkReadable(session: Session, selection: Selection): Promise<void> {
  const [server] = await session.query<{ standby: boolean; role: string }>(
    'SELECT pg_catalog.pg_is_in_recovery() AS standby, current_user::text AS role',
  );
  refuse(
    [...selection.locked, ...selection.sequences].filter(({ mayRead }) => !mayRead),
    `the role ${server?.role} may not read`,
    'GRANT SELECT on them (or GRANT pg_read_all_data), or leave them out with --exclude-table',
  );
  refuse(
    selection.rows.filter(({ rowSecurity }) => rowSecurity),
    `row security would hide rows from the role ${server?.role} in`,
    'use a role with BYPASSRLS or the owner, or leave their rows out with --exclude-table-data',
  );
  if (server?.standby)
    refuse(
      selection.rows.filter(({ unlogged }) => unlogged),
      'the source is a standby, which has no rows of unlogged tables:',
      'back up from the primary, or leave their rows out with --exclude-table-data',
    );
  await checkLockRoom(session, selection.locked.length);
}

function refuse(tables: readonly Relation[], problem: string, advice: string): void {
  if (tables.length === 0) return;
  const names = tables.slice(0, 10).map(({ schema, name }) => `${schema}.${name}`);
  const more = tables.length > 10 ? ` and ${tables.length - 10} more` : '';
  throw new TableNotReadable(`${problem} ${names.join(', ')}${more}; ${advice}`);
}

interface LockSettings extends Record<string, unknown> {
  per: string;
  connections: string;
  prepared: string;
}

/** Room that others need while the backup runs. */
const elbowRoom = 1.25;

/**
 * The lock table holds `max_locks_per_transaction * (max_connections + max_prepared_transactions)` objects
 * (PostgreSQL manual, "Lock Management"), however many sessions share the lock on one.
 * @throws LockTableTooSmall
 */
async function checkLockRoom(session: Session, tables: number): Promise<void> {
  const { per, slots } = await lockSettings(session);
  if (tables <= per * slots) return;
  throw new LockTableTooSmall(sayTooSmall(tables, per, slots));
}

/** The same finding, when the server itself ran out of room (SQLSTATE 53200). */
export async function lockTableTooSmall(session: Session, tables: number, cause: unknown): Promise<Error> {
  const { per, slots } = await lockSettings(session);
  return new LockTableTooSmall(sayTooSmall(Math.max(tables, per * slots), per, slots), { cause });
}

function sayTooSmall(tables: number, per: number, slots: number): string {
  const needed = Math.ceil((tables * elbowRoom) / slots) + 16;
  return (
    `a lock on each of ${tables} tables does not fit into the source's lock table (${per} x ${slots}); ` +
    `set max_locks_per_transaction = ${needed} and restart the server, or leave tables out with --exclude-table`
  );
}

async function lockSettings(session: Session): Promise<{ per: number; slots: number }> {
  const [row] = await session.query<LockSettings>(
    `SELECT pg_catalog.current_setting('max_locks_per_transaction') AS per,
            pg_catalog.current_setting('max_connections') AS connections,
            pg_catalog.current_setting('max_prepared_transactions') AS prepared`,
  );
  return { per: Number(row?.per), slots: Number(row?.connections) + Number(row?.prepared) };
}
