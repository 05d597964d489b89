import { quoteLiteral } from '../postgres/quote.ts';
import type { Row, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { keeperLock, sessionPrefix, snapshotIdOf } from './session-names.ts';

/** A session that looks like the keeper of a round; whether it is, its snapshot tells. */
export interface KeeperCandidate {
  readonly processId: number;
  readonly snapshotId: string;
  /** When its transaction began, `2026-11-23T05:43:00.123456Z`. */
  readonly since: string;
}

interface CandidateRow extends Row {
  pid: number;
  name: string;
  since: string | null;
}

/**
 * Sessions of this role in this database that are named after a snapshot of the backup and hold the lock of its round,
 * the latest first. Names alone can be forged, by other roles too.
 */
export async function findKeepers(
  session: Session,
  backupId: RunId,
  round: number,
): Promise<KeeperCandidate[]> {
  const prefix = sessionPrefix(backupId);
  const lock = keeperLock(backupId, round);
  const rows = await session.query<CandidateRow>(
    `SELECT pg_catalog.pg_stat_clear_snapshot();
     SELECT a.pid, a.application_name AS name,
       pg_catalog.to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since
     FROM pg_catalog.pg_stat_activity a
     WHERE a.datname = pg_catalog.current_database() AND a.usename = session_user
       AND pg_catalog.left(a.application_name, ${prefix.length}) = ${quoteLiteral(prefix)}
       AND EXISTS (
         SELECT FROM pg_catalog.pg_locks l
         WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.classid = ${lock.high} AND l.objid = ${lock.low}
           AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
     ORDER BY a.backend_start DESC`,
  );
  return rows.flatMap(({ pid, name, since }) => {
    const snapshotId = snapshotIdOf(backupId, name);
    return snapshotId === undefined || since === null ? [] : [{ processId: pid, snapshotId, since }];
  });
}
