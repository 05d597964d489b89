import { createHash } from 'node:crypto';
import type { RunId } from '../run/run-id.ts';

/** Begin of the application_name of every session that a run opens. PostgreSQL keeps 63 bytes of a name. */
export function sessionPrefix(runId: RunId): string {
  return `replicator:${runId}:`;
}

/** A keeper that has not exported its snapshot yet. */
export function openingName(backupId: RunId): string {
  return `${sessionPrefix(backupId)}opening`;
}

/** A keeper's name tells its snapshot: `replicator:20261123T054300Z-k3f9qa:00000003-0000001B-1`. */
export function keeperName(backupId: RunId, snapshotId: string): string {
  return `${sessionPrefix(backupId)}${snapshotId}`;
}

/** What pg_export_snapshot() returns; nothing else is ever put into `SET TRANSACTION SNAPSHOT`. */
const snapshotId = /^[0-9A-F]{8}-[0-9A-F]{8}-\d+$/;

/** The snapshot in a keeper's name; undefined for every other session's name. */
export function snapshotIdOf(backupId: RunId, applicationName: string): string | undefined {
  const prefix = sessionPrefix(backupId);
  if (!applicationName.startsWith(prefix)) return undefined;
  const id = applicationName.slice(prefix.length);
  return snapshotId.test(id) ? id : undefined;
}

/** Key of the advisory lock that a keeper of one round holds while it opens the snapshot or takes it over. */
export function openingLock(backupId: RunId, round: number): string {
  return digestOf('opening', backupId, round).readBigInt64BE(0).toString();
}

/**
 * First half of the advisory lock that all keepers of one round hold in shared mode once they have the snapshot. The
 * second half is the lineage: a number that the first of them makes and its successors take over, so that everybody
 * can see in pg_locks who has the snapshot from whom.
 */
export function lineageLock(backupId: RunId, round: number): number {
  return digestOf('lineage', backupId, round).readInt32BE(0);
}

function digestOf(what: string, backupId: RunId, round: number): Buffer {
  return createHash('sha256').update(`nautobot-replicator ${what} ${backupId} ${round}`).digest();
}
