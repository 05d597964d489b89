import { quoteLiteral } from '../postgres/quote.ts';
import type { Row, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { lineageLock, sessionPrefix, snapshotIdOf } from './session-names.ts';

/** A session that looks like a keeper of a round; whether it is, its snapshot tells. */
export interface KeeperCandidate {
  readonly processId: number;
  readonly snapshotId: string;
  /** The same for all who have the snapshot from one another. */
  readonly lineage: number;
  /** When its transaction began, `2026-11-23T05:43:00.123456Z`. */
  readonly since: string;
}

interface CandidateRow extends Row {
  pid: number;
  name: string;
  lineage: string;
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
  // pg_locks shows the halves of an advisory lock's key as oid, which has no sign; objsubid 2: a key of two halves
  const rows = await session.query<CandidateRow>(
    `SELECT pg_catalog.pg_stat_clear_snapshot();
     SELECT a.pid, a.application_name AS name, l.objid::pg_catalog.int8::text AS lineage,
       pg_catalog.to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since
     FROM pg_catalog.pg_stat_activity a
     JOIN pg_catalog.pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
       AND l.classid = ${lineageLock(backupId, round) >>> 0}
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
     WHERE a.datname = pg_catalog.current_database() AND a.usename = session_user
       AND pg_catalog.left(a.application_name, ${prefix.length}) = ${quoteLiteral(prefix)}
     ORDER BY a.backend_start DESC, a.pid DESC`,
  );
  return rows.flatMap(({ pid, name, lineage, since }) => {
    const snapshotId = snapshotIdOf(backupId, name);
    return snapshotId === undefined || since === null
      ? []
      : [{ processId: pid, snapshotId, lineage: Number(lineage), since }];
  });
}
