import { setTimeout as sleep } from 'node:timers/promises';
import { ServerBusy } from '../postgres/errors.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { openingName, sessionPrefix, snapshotIdOf } from './session-names.ts';

interface RunSession extends Record<string, unknown> {
  pid: number;
  name: string;
}

/**
 * Ends the keepers of a backup, those still opening their snapshot too, and waits until none is left.
 * The mark that tells keepers they are released must have been made before. Repeatable.
 * @returns how many sessions were ended
 */
export async function releaseSnapshot(
  database: Database,
  backupId: RunId,
  signal?: AbortSignal,
): Promise<number> {
  const isKeeper = ({ name }: RunSession) =>
    snapshotIdOf(backupId, name) !== undefined || name === openingName(backupId);
  return withSession(database, signal, (session) => endMatching(session, backupId, isKeeper, 30_000));
}

/** Ends every session that carries the run's id: what CleanUp does. Repeatable. */
export async function endSessionsOf(database: Database, runId: RunId, signal?: AbortSignal): Promise<number> {
  return withSession(database, signal, (session) => endMatching(session, runId, () => true, 30_000));
}

/**
 * Ends the run's sessions that began before a moment of the server's clock.
 * @param before timestamptz as text
 */
export async function endSessionsBefore(database: Database, runId: RunId, before: string): Promise<number> {
  return withSession(database, undefined, (session) =>
    endMatching(
      session,
      runId,
      () => true,
      5_000,
      `AND backend_start < ${quoteLiteral(before)}::pg_catalog.timestamptz`,
    ),
  );
}

/** Ends the other sessions of the run, from within a transaction of one of them. */
export async function endOthers(session: Session, runId: RunId, patienceMs: number): Promise<number> {
  return endMatching(session, runId, () => true, patienceMs);
}

/** Asks again and again, for a session may have been about to begin. A session that survives is named. */
async function endMatching(
  session: Session,
  runId: RunId,
  chosen: (session: RunSession) => boolean,
  patienceMs: number,
  condition = '',
): Promise<number> {
  const prefix = sessionPrefix(runId);
  const deadline = performance.now() + patienceMs;
  const ended = new Set<number>();
  while (true) {
    const rows = await session.query<RunSession>(
      `SELECT pg_catalog.pg_stat_clear_snapshot();
       SELECT pid, application_name AS name FROM pg_catalog.pg_stat_activity
       WHERE usename = session_user AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'
         AND pg_catalog.left(application_name, ${prefix.length}) = ${quoteLiteral(prefix)} ${condition}`,
    );
    const left = rows.filter(chosen).map(({ pid }) => pid);
    if (left.length === 0) return ended.size;
    if (performance.now() > deadline)
      throw new ServerBusy(`sessions of run ${runId} can't be ended: processes ${left.join(', ')}`);
    for (const pid of left) ended.add(pid);
    await session.query(
      `SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.unnest('{${left.join(',')}}'::pg_catalog.int4[]) AS p (pid)`,
    );
    await sleep(50);
  }
}

/** Its name has no run's prefix, so that it is not among those that are ended. */
async function withSession<T>(
  database: Database,
  signal: AbortSignal | undefined,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await database.connect({
    applicationName: 'replicator',
    ...(signal ? { signal } : {}),
  });
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}
