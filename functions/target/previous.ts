import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { dropIfThere } from './clean-up-target.ts';
import { previousDatabaseName, runOfDatabase } from './names.ts';
import { type Names, withMaintenance } from './switch-over.ts';
import { type Restored, restoredOf } from './target-mark.ts';

/** A database that was in use until a restore, or an undo, put it aside and kept it. */
export interface PreviousDatabase {
  /** Which run put it aside. */
  readonly runId: RunId;
  readonly name: string;
  /** null where the role may not connect to it. */
  readonly bytes: number | null;
  /** What it had come from itself; undefined: from no restore. */
  readonly restored: Restored | undefined;
}

/** All that are kept of one target, the newest first. From any database of the server. */
export async function listPrevious(session: Session, target: string): Promise<PreviousDatabase[]> {
  const rows = await session.query<{ name: string; bytes: string | null; comment: string | null }>(
    `SELECT d.datname AS name, pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
            CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                 THEN pg_catalog.pg_database_size(d.oid)::text END AS bytes
       FROM pg_catalog.pg_database d WHERE d.datname ~ '_p_[0-9]{8}T[0-9]{6}Z-[0-9a-z]{6}$' ORDER BY 1`,
  );
  const kept = rows.flatMap(({ name, bytes, comment }) => {
    const run = runOfDatabase(name);
    if (run?.kind !== 'previous' || previousDatabaseName(target, run.runId) !== name) return [];
    return [
      {
        runId: run.runId,
        name,
        bytes: bytes === null ? null : Number(bytes),
        restored: restoredOf(comment ?? ''),
      },
    ];
  });
  return kept.sort((a, b) => (a.runId < b.runId ? 1 : -1));
}

/** Drops the database that a run has put aside; from another database. @returns whether there was one */
export async function dropKeptDatabase(session: Session, target: string, runId: RunId): Promise<boolean> {
  return dropIfThere(session, previousDatabaseName(target, runId));
}

/** Drops all that are kept of a target but the one that this run has put aside. */
export async function dropEarlierDatabases(target: Database, rebuild: Names): Promise<void> {
  await withMaintenance(target, rebuild, undefined, async (session) => {
    for (const { runId, name } of await listPrevious(session, rebuild.target))
      if (runId !== rebuild.runId) await dropIfThere(session, name);
  });
}
