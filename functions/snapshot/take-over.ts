import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { SnapshotLost } from './errors.ts';
import { findKeepers, type KeeperCandidate } from './find-keeper.ts';
import { importSnapshot, lockWithin } from './import-snapshot.ts';
import { readRelations } from './relations.ts';
import { type LeaveOut, selectRelations } from './select-relations.ts';

export interface TakeOver {
  readonly backupId: RunId;
  readonly round: number;
  readonly leaveOut: LeaveOut;
  readonly databaseName: string;
  readonly lockWaitSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TakenOver {
  /** Exported anew: it lives as long as this session's transaction. */
  readonly snapshotId: string;
  readonly lineage: number;
}

const looks = 10;
const lookPauseMs = 200;

/**
 * Imports the snapshot of the keeper that has it now, takes the same locks while that one still holds its own, and
 * exports the snapshot again. The transaction stays open.
 * @param keepers the keepers that were just seen, at least one
 * @throws SnapshotLost when the keeper is gone before all that is done, TableLocked
 */
export async function takeOver(
  session: Session,
  keepers: readonly KeeperCandidate[],
  options: TakeOver,
): Promise<TakenOver> {
  const { backupId, round, leaveOut, databaseName, lockWaitSeconds, signal } = options;
  const keeper = await importFromAny(session, keepers, options);
  // As the snapshot shows them: the same as its first keeper locked
  const { locked } = selectRelations(await readRelations(session), leaveOut, databaseName);
  await lockWithin(session, keeper, {
    backupId,
    round,
    lock: locked,
    lockWaitSeconds,
    ...(signal ? { signal } : {}),
  });
  const [exported] = await session.query<{ id: string }>('SELECT pg_catalog.pg_export_snapshot() AS id');
  return { snapshotId: exported?.id ?? '', lineage: keeper.lineage };
}

async function importFromAny(
  session: Session,
  seen: readonly KeeperCandidate[],
  { backupId, round, signal }: TakeOver,
): Promise<KeeperCandidate> {
  let keepers = seen;
  for (let look = 1; look <= looks; look++) {
    for (const keeper of keepers) if ((await importSnapshot(session, keeper)) !== undefined) return keeper;
    await sleep(lookPauseMs, undefined, signal ? { signal } : {});
    keepers = await findKeepers(session, backupId, round);
  }
  throw new SnapshotLost(
    `the keeper of the snapshot of backup ${backupId} ended before its successor had taken it over`,
  );
}
