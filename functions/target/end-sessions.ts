import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../postgres/session.ts';
import { hasSqlState } from './sql-state.ts';

export interface SessionsToEnd {
  /** Sessions in any of these databases, by OID: names change hands in a switch-over, OIDs don't. */
  readonly databases?: readonly string[];
  /** Sessions whose application name begins so. */
  readonly applicationPrefix?: string;
}

export interface EndedSessions {
  /** Process ids that a signal was sent to. */
  readonly ended: readonly number[];
  /** Who could not be signalled, in words. */
  readonly refused: readonly string[];
}

/** Sends every matching session but this one its end; does not wait for it. */
export async function endSessions(session: Session, which: SessionsToEnd): Promise<EndedSessions> {
  const ended: number[] = [];
  const refused: string[] = [];
  for (const found of await findSessions(session, which)) {
    try {
      const [row] = await session.query<{ sent: boolean }>(
        'SELECT pg_catalog.pg_terminate_backend($1) AS sent',
        [found.pid],
      );
      if (row?.sent) ended.push(found.pid);
    } catch (error) {
      if (!hasSqlState(error, '42501')) throw error;
      refused.push(found.description);
    }
  }
  return { ended, refused };
}

/**
 * Ends matching sessions and waits until they are gone.
 * @returns how many there were, and who is still there after `patienceMs`
 */
export async function endSessionsAndWait(
  session: Session,
  which: SessionsToEnd,
  patienceMs = 15_000,
): Promise<{ ended: number; remaining: readonly string[] }> {
  const ended = new Set<number>();
  const until = Date.now() + patienceMs;
  for (;;) {
    for (const pid of (await endSessions(session, which)).ended) ended.add(pid);
    const remaining = await findSessions(session, which);
    if (remaining.length === 0 || Date.now() > until)
      return { ended: ended.size, remaining: remaining.map((found) => found.description) };
    await sleep(25);
  }
}

export interface FoundSession {
  readonly pid: number;
  /** `process 4711 (role nautobot, application "gunicorn", client backend)` */
  readonly description: string;
}

/** Everything with a process of its own that is connected there, logical walsenders and background workers included. */
export async function findSessions(session: Session, which: SessionsToEnd): Promise<FoundSession[]> {
  const rows = await session.query<{ pid: number; role: string | null; application: string; type: string }>(
    `SELECT pid, usename AS role, coalesce(application_name, '') AS application,
            coalesce(backend_type, 'session') AS type
       FROM pg_catalog.pg_stat_activity
      WHERE pid <> pg_catalog.pg_backend_pid() AND backend_type IS DISTINCT FROM 'autovacuum worker'
        AND ($1::oid[] IS NULL OR datid = ANY ($1::oid[]))
        AND ($2::text IS NULL OR pg_catalog.left(application_name, pg_catalog.length($2)) = $2)`,
    [which.databases ?? null, which.applicationPrefix ?? null],
  );
  return rows.map(({ pid, role, application, type }) => ({
    pid,
    description: `process ${pid} (role ${role ?? 'unknown'}, application "${application}", ${type})`,
  }));
}
