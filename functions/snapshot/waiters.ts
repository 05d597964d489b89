import { quoteLiteral } from '../postgres/quote.ts';
import type { Row, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { sessionPrefix } from './session-names.ts';

/** A session of somebody else that waits for a lock of this backup. */
export interface Waiter {
  readonly processId: number;
  /** Seconds, as far as the server tells (PostgreSQL 14 and newer) or this watch has seen. */
  readonly waited: number;
  /** For messages: role, application, table; never the statement, which may hold secrets. */
  readonly who: string;
}

interface WaiterRow extends Row {
  pid: number;
  /** The same as long as it is one wait. */
  wait: string;
  waited: string | null;
  role: string | null;
  application: string | null;
  relation: string | null;
}

/** Watches who waits for the backup's locks, and since when. */
export class WaiterWatch {
  readonly #session: Session;
  readonly #sql: string;
  /** When each wait was first seen (performance.now()), for servers that don't tell when it began. */
  #since = new Map<string, number>();

  constructor(session: Session, backupId: RunId) {
    this.#session = session;
    this.#sql = waitersSql(backupId, session.serverVersion);
  }

  /** The one that has waited longest; undefined: nobody waits. */
  async longest(): Promise<Waiter | undefined> {
    const rows = await this.#session.query<WaiterRow>(this.#sql);
    const now = performance.now();
    this.#since = new Map(rows.map(({ wait }) => [wait, this.#since.get(wait) ?? now]));
    return rows
      .map((row) => ({
        processId: row.pid,
        waited: row.waited === null ? (now - (this.#since.get(row.wait) ?? now)) / 1000 : Number(row.waited),
        who: `process ${row.pid} of role ${row.role ?? 'unknown'}${row.application ? ` (${row.application})` : ''}${row.relation ? ` for ${row.relation}` : ''}`,
      }))
      .sort((a, b) => b.waited - a.waited)[0];
  }
}

/**
 * Waiters come from pg_locks, which everybody may read; pg_stat_activity hides what other roles wait for.
 * Left alone are those who wait for a transaction as such (CREATE INDEX CONCURRENTLY, locktype virtualxid):
 * nobody queues behind them.
 * The keeper asks inside its transaction, where the view of activity stands still until it is cleared.
 */
function waitersSql(backupId: RunId, serverVersion: number): string {
  const prefix = sessionPrefix(backupId);
  const waited =
    serverVersion >= 14_00_00
      ? 'EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.min(l.waitstart))'
      : 'NULL';
  return `SELECT pg_catalog.pg_stat_clear_snapshot();
    WITH ours AS MATERIALIZED (
      SELECT pid FROM pg_catalog.pg_stat_activity
      WHERE usename = session_user AND pg_catalog.left(application_name, ${prefix.length}) = ${quoteLiteral(prefix)}
    ), waiting AS MATERIALIZED (
      SELECT l.pid, pg_catalog.min(l.virtualtransaction) AS transaction, ${waited} AS waited,
        pg_catalog.min(l.relation::pg_catalog.int8) AS relation
      FROM pg_catalog.pg_locks l
      WHERE NOT l.granted AND l.locktype <> 'virtualxid' AND l.pid IS NOT NULL
        AND l.pid NOT IN (SELECT pid FROM ours)
      GROUP BY l.pid
    )
    SELECT w.pid, pg_catalog.concat_ws(' ', w.pid, w.transaction, w.relation) AS wait, w.waited::text AS waited, a.usename::text AS role, a.application_name AS application,
      (SELECT c.relname::text FROM pg_catalog.pg_class c WHERE c.oid = w.relation::pg_catalog.oid) AS relation
    FROM waiting w LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
    WHERE pg_catalog.pg_blocking_pids(w.pid) && ARRAY(SELECT pid FROM ours)`;
}
