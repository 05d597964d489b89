import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { endSessionsAndWait } from './end-sessions.ts';
import { applicationPrefix, hiddenDatabaseName, previousDatabaseName, runOfDatabase } from './names.ts';
import { openMaintenance } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';
import { dropDatabase, isSwitchedBy } from './switch-over.ts';

export interface CleanedTarget {
  readonly endedSessions: number;
  /** Names of databases that were dropped. */
  readonly dropped: readonly string[];
  /** What was left alone, and why. */
  readonly notes: readonly string[];
}

/**
 * Removes what a run left beside its target: its sessions, its hidden database, and the previous one when the run
 * had switched over and was not to keep it. By the run's id alone; repeatable. The database in use is never touched.
 */
export async function cleanUpTarget(
  target: Database,
  options: {
    readonly runId: RunId;
    readonly keepPrevious: boolean;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<CleanedTarget> {
  const { runId, keepPrevious, signal } = options;
  const name = target.address.database;
  const hidden = hiddenDatabaseName(name, runId);
  const previous = previousDatabaseName(name, runId);
  const session = await openMaintenance(target, {
    // Not the run's own prefix: two clean-ups at once would end one another
    applicationName: `replicator-clean-up:${runId}`,
    avoid: [name, hidden, previous],
    signal,
  });
  try {
    const { ended, remaining } = await endSessionsAndWait(session, {
      applicationPrefix: applicationPrefix(runId),
    });
    const notes = remaining.map((who) => `a session of run ${runId} did not end: ${who}`);
    const dropped: string[] = [];
    if (await dropIfThere(session, hidden)) dropped.push(hidden);
    if (!keepPrevious && (await exists(session, previous))) {
      if (!(await isSwitchedBy(session, { runId, target: name })))
        notes.push(
          `the database "${previous}" was left alone: "${name}" does not say that run ${runId} rebuilt it`,
        );
      else if (await dropIfThere(session, previous)) dropped.push(previous);
    }
    return { endedSessions: ended, dropped, notes };
  } finally {
    await session.end();
  }
}

export interface LeftoverRun {
  readonly runId: RunId;
  readonly hidden: string | undefined;
  readonly previous: string | undefined;
}

/** Runs that have a database beside this target; whether they still go on, the caller must find out. */
export async function findLeftoverRuns(target: Database, signal?: AbortSignal): Promise<LeftoverRun[]> {
  const name = target.address.database;
  const session = await target.connect({
    applicationName: 'replicator:leftovers',
    settings: { search_path: '' },
    ...(signal && { signal }),
  });
  try {
    const rows = await session.query<{ name: string }>(
      'SELECT datname AS name FROM pg_catalog.pg_database ORDER BY 1',
    );
    const names = new Set(rows.map((row) => row.name));
    const runs = new Set(rows.flatMap((row) => runOfDatabase(row.name)?.runId ?? []));
    return [...runs].flatMap((runId) => {
      const [hidden, previous] = [hiddenDatabaseName(name, runId), previousDatabaseName(name, runId)];
      if (!names.has(hidden) && !names.has(previous)) return [];
      return [
        {
          runId,
          hidden: names.has(hidden) ? hidden : undefined,
          previous: names.has(previous) ? previous : undefined,
        },
      ];
    });
  } finally {
    await session.end();
  }
}

/** Drops a database that sessions may still be in; from another one. @returns whether there was one */
export async function dropIfThere(session: Session, name: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    if (!(await exists(session, name))) return false;
    try {
      await dropDatabase(session, name);
      return true;
    } catch (error) {
      // object_in_use: someone came in meanwhile, or (before 13) has to be ended first
      if (!hasSqlState(error, '55006') || attempt === 5) throw error;
      await endInside(session, name);
    }
  }
}

async function endInside(session: Session, name: string): Promise<void> {
  const [row] = await session.query<{ oid: string }>(
    'SELECT oid::text AS oid FROM pg_catalog.pg_database WHERE datname = $1',
    [name],
  );
  if (row) await endSessionsAndWait(session, { databases: [row.oid] }, 5_000);
  await sleep(50);
}

async function exists(session: Session, name: string): Promise<boolean> {
  const [row] = await session.query('SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1', [name]);
  return row !== undefined;
}
