import { setTimeout as sleep } from 'node:timers/promises';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { SnapshotLost, TableLocked } from './errors.ts';
import { findKeepers, type KeeperCandidate } from './find-keeper.ts';
import { sessionPrefix } from './session-names.ts';
import { connectForSnapshot, isOfStandby, snapshotIdentity, snapshotText } from './snapshot-session.ts';
import { holdsLocks, isLockRefused, type LockableTable, lockTables, refusedTable } from './table-locks.ts';

export interface JoinOptions {
  readonly backupId: RunId;
  readonly round: number;
  /** The snapshot's identity, as OpenSnapshot returned it: the one thing that nobody can forge. */
  readonly text: string;
  /** What the session is for, in its application_name: `w12` for the worker of shard 12. */
  readonly name: string;
  /** Tables to be read. */
  readonly lock: readonly LockableTable[];
  /** Seconds to go on asking for locks; 60 by default. */
  readonly lockWaitSeconds?: number;
  /** More start-up settings. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Looks for a keeper before it counts as lost: one may just be handing over to the next. */
const looks = 10;
const lookPauseMs = 200;

/**
 * A session in a transaction that sees exactly the backup's snapshot and holds ACCESS SHARE on its tables, from the
 * time of the snapshot without a gap. The caller ends it.
 * @throws SnapshotLost, TableLocked; both let the backup start over
 */
export async function joinSnapshot(database: Database, options: JoinOptions): Promise<Session> {
  const session = await connectForSnapshot(database, {
    applicationName: `${sessionPrefix(options.backupId)}${options.name}`,
    ...(options.settings ? { settings: options.settings } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    const keeper = await importFromKeeper(session, options);
    await lockWithin(session, keeper, options);
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

async function importFromKeeper(
  session: Session,
  { backupId, round, text, signal }: Pick<JoinOptions, 'backupId' | 'round' | 'text' | 'signal'>,
): Promise<KeeperCandidate> {
  const others = new Set<string>();
  for (let look = 1; look <= looks; look++) {
    for (const keeper of await findKeepers(session, backupId, round)) {
      const imported = await importSnapshot(session, keeper);
      if (imported !== undefined) {
        const found = snapshotIdentity(imported, keeper, isOfStandby(text));
        if (found === text) return keeper;
        others.add(found);
        await session.execute('ROLLBACK');
      }
    }
    if (others.size > 0) break;
    await sleep(lookPauseMs, undefined, signal ? { signal } : {});
  }
  throw new SnapshotLost(
    others.size > 0
      ? `the sessions named after backup ${backupId} keep another snapshot than the one this backup began with`
      : `no session keeps the snapshot of backup ${backupId} any more`,
  );
}

/** @returns the text of the snapshot imported; undefined when it is gone, and the transaction with it */
export async function importSnapshot(
  session: Session,
  keeper: Pick<KeeperCandidate, 'snapshotId'>,
): Promise<string | undefined> {
  await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
  try {
    await session.execute(`SET TRANSACTION SNAPSHOT ${quoteLiteral(keeper.snapshotId)}`);
    return await snapshotText(session);
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    await session.execute('ROLLBACK');
    return undefined;
  }
}

/**
 * The keepers' locks have held off every rewrite since before the snapshot, one keeper's after another's. Ours take over
 * only if a keeper of that lineage holds its own once we have them.
 * @throws SnapshotLost, TableLocked
 */
export async function lockWithin(
  session: Session,
  keeper: KeeperCandidate,
  {
    backupId,
    round,
    lock,
    lockWaitSeconds = 60,
    signal,
  }: Pick<JoinOptions, 'backupId' | 'round' | 'lock' | 'lockWaitSeconds' | 'signal'>,
): Promise<void> {
  const deadline = performance.now() + lockWaitSeconds * 1000;
  for (let pause = 20; ; pause = Math.min(pause * 2, 500)) {
    const refused = await tryLock(session, lock);
    if (!(await isHeld(session, keeper, { backupId, round, lock })))
      throw new SnapshotLost(
        `the session that keeps the snapshot of backup ${backupId} does not hold its locks any more`,
      );
    if (refused === undefined) break;
    if (performance.now() > deadline)
      throw new TableLocked(
        `"${refusedTable(refused)}" could not be locked for reading within ${lockWaitSeconds} s: a transaction waits for it exclusively`,
        { cause: refused },
      );
    // Not in step with whoever asks for the lock again and again as well
    await sleep(pause * (0.5 + Math.random()), undefined, signal ? { signal } : {});
  }
  if (!(await holdsLocks(session, session.processId, lock)))
    throw new SnapshotLost(`tables of backup ${backupId} were renamed or replaced since its snapshot`);
}

/** By the keeper that was found, or by one that it has handed over to meanwhile. */
async function isHeld(
  session: Session,
  keeper: KeeperCandidate,
  { backupId, round, lock }: Pick<JoinOptions, 'backupId' | 'round' | 'lock'>,
): Promise<boolean> {
  if (await holdsLocks(session, keeper.processId, lock)) return true;
  for (const { processId, lineage } of await findKeepers(session, backupId, round))
    if (lineage === keeper.lineage && (await holdsLocks(session, processId, lock))) return true;
  return false;
}

async function tryLock(
  session: Session,
  tables: readonly LockableTable[],
): Promise<StatementFailed | undefined> {
  await session.execute('SAVEPOINT before_locks');
  try {
    await lockTables(session, tables);
    await session.execute('RELEASE SAVEPOINT before_locks');
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    if (error.sqlState === '42P01' || error.sqlState === '3F000')
      throw new SnapshotLost(`a table of the backup is gone: ${error.message}`, { cause: error });
    if (!isLockRefused(error)) throw error;
    await session.execute('ROLLBACK TO SAVEPOINT before_locks; RELEASE SAVEPOINT before_locks');
    return error;
  }
}
