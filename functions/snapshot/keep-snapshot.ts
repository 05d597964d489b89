import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLost } from '../postgres/errors.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { BackupYielded, SnapshotLost } from './errors.ts';
import { findKeepers } from './find-keeper.ts';
import { lockAndExport } from './lock-and-export.ts';
import { endOthers, endSessionsBefore } from './release.ts';
import type { LeaveOut } from './select-relations.ts';
import { keeperName, lineageLock, openingLock, openingName } from './session-names.ts';
import { connectForSnapshot } from './snapshot-session.ts';
import { type TakenOver, takeOver } from './take-over.ts';
import { type Waiter, WaiterWatch } from './waiters.ts';

export interface KeeperOptions {
  readonly database: Database;
  readonly backupId: RunId;
  readonly round: number;
  readonly leaveOut: LeaveOut;
  /** Seconds that somebody may wait for the backup's locks. */
  readonly blockedSeconds: number;
  /** Seconds to go on asking for locks that others hold while the snapshot opens; 60 by default. */
  readonly lockWaitSeconds?: number;
  /** Told before the backup's sessions are ended, so that the reason is on record first. Given two seconds. */
  readonly onYield: (reason: string) => Promise<void>;
  /** Asked every few seconds; a failure to answer counts as no. */
  readonly isReleased: () => Promise<boolean>;
  /** Have others seen a snapshot of this round? Then a keeper that finds none must not open another. */
  readonly wasOpened?: () => Promise<boolean>;
  /** The snapshot is open and others can find it. */
  readonly onOpened?: (snapshotId: string) => void;
  /** Called after every look at the server, some seconds apart. */
  readonly beat?: () => void;
  readonly signal?: AbortSignal;
}

export type KeeperOutcome =
  /** The backup needs the snapshot no more. */
  | { readonly kind: 'released' }
  /** A later keeper has the snapshot. */
  | { readonly kind: 'handedOver' }
  /** Another keeper of the same backup and round is about to open the snapshot: this one has done nothing. */
  | { readonly kind: 'anotherKeeps' };

/** Milliseconds between looks at those who wait. */
const lookMs = 2_000;
/** Milliseconds between questions whether the snapshot is released. */
const askMs = 1_900;
/** A waiter is let go a little before its time is up, for ending sessions takes a moment. */
const headStartMs = 250;

/**
 * Opens the backup's snapshot, or takes it over from the keeper that has it, and holds it until it is released or a later
 * keeper has it, with a look at the server every few seconds.
 * @throws BackupYielded when somebody waited too long for the backup's locks; its sessions are ended then
 * @throws SnapshotLost when the session was ended by anyone else
 * @throws what lockAndExport throws
 */
export async function keepSnapshot(options: KeeperOptions): Promise<KeeperOutcome> {
  const { database, backupId, signal } = options;
  const session = await connectForSnapshot(database, {
    applicationName: openingName(backupId),
    ...(signal ? { signal } : {}),
  });
  try {
    if (!(await claimOpening(session, options))) return { kind: 'anotherKeeps' };
    if (await isReleased(options)) return { kind: 'released' };
    const held = await openOrTakeOver(session, options);
    if (await isReleased(options)) return { kind: 'released' };
    await showAsKeeper(session, held, options);
    const end = await watch(session, held, options);
    if (typeof end === 'string') return { kind: end };
    throw await giveWay(session, end, options);
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
    if (await isReleased(options)) return { kind: 'released' };
    throw new SnapshotLost(`the session that kept the snapshot has ended: ${error.message}`, {
      cause: error,
    });
  } finally {
    await session.end();
  }
}

/** An advisory lock of the session: of two keepers that open or take over at the same time, one leaves. */
async function claimOpening(session: Session, { backupId, round }: KeeperOptions): Promise<boolean> {
  const [row] = await session.query<{ mine: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1) AS mine', [
    openingLock(backupId, round),
  ]);
  return row?.mine === true;
}

async function openOrTakeOver(session: Session, options: KeeperOptions): Promise<TakenOver> {
  const { backupId, round, leaveOut, database, lockWaitSeconds = 60, signal } = options;
  const common = { leaveOut, databaseName: database.address.database, lockWaitSeconds, signal };
  const keepers = await findKeepers(session, backupId, round);
  if (keepers.length > 0) return takeOver(session, keepers, { backupId, round, ...common });
  if (await options.wasOpened?.())
    throw new SnapshotLost(
      `the keeper of the snapshot of backup ${backupId} ended before its successor came`,
    );
  const { snapshotId } = await lockAndExport(session, common);
  return { snapshotId, lineage: randomInt(1, 2 ** 31) };
}

/** Only now can others find it: everything that the name promises is there. */
async function showAsKeeper(
  session: Session,
  { snapshotId, lineage }: TakenOver,
  { backupId, round, onOpened }: KeeperOptions,
): Promise<void> {
  await session.query('SELECT pg_catalog.pg_advisory_lock_shared($1::int4, $2::int4)', [
    lineageLock(backupId, round),
    lineage,
  ]);
  await session.execute(`SET application_name = ${quoteLiteral(keeperName(backupId, snapshotId))}`);
  await session.query('SELECT pg_catalog.pg_advisory_unlock($1)', [openingLock(backupId, round)]);
  onOpened?.(snapshotId);
}

/** Has a later keeper taken the snapshot over from this session? The latest one stays. */
async function isSucceeded(
  session: Session,
  { lineage }: TakenOver,
  { backupId, round }: KeeperOptions,
): Promise<boolean> {
  const [latest] = (await findKeepers(session, backupId, round)).filter((each) => each.lineage === lineage);
  return latest !== undefined && latest.processId !== session.processId;
}

async function isReleased(options: KeeperOptions): Promise<boolean> {
  return options.isReleased().catch(() => false);
}

/** @returns why it ended, which may be a waiter to give way to */
async function watch(
  session: Session,
  held: TakenOver,
  options: KeeperOptions,
): Promise<Waiter | 'released' | 'handedOver'> {
  const bound = options.blockedSeconds - Math.min(headStartMs / 1000, options.blockedSeconds / 10);
  const waiters = new WaiterWatch(session, options.backupId);
  let released = false;
  let asking = false;
  let asked = Number.NEGATIVE_INFINITY;
  while (true) {
    if (!asking && performance.now() - asked > askMs) {
      // Beside the watch: a store that answers slowly must not keep it from looking
      asking = true;
      asked = performance.now();
      void isReleased(options).then((answer) => {
        released = answer;
        asking = false;
      });
    }
    const waiter = await waiters.longest();
    if (waiter && waiter.waited >= bound) return waiter;
    if (await isSucceeded(session, held, options)) return 'handedOver';
    options.beat?.();
    const left = waiter ? (bound - waiter.waited) * 1000 : Number.POSITIVE_INFINITY;
    const pause = Math.max(10, Math.min(lookMs, left, (options.blockedSeconds * 1000) / 4));
    await sleep(pause, undefined, options.signal ? { signal: options.signal } : {});
    if (released) return 'released';
  }
}

/** Ends every session of the backup, this one last, and then those that had joined in between. */
async function giveWay(session: Session, waiter: Waiter, options: KeeperOptions): Promise<BackupYielded> {
  const reason =
    `${waiter.who} waited ${waiter.waited.toFixed(1)} s for a lock that this backup holds, and others may queue behind it: ` +
    'the backup gave way. Back up when no migration runs, or allow more seconds';
  await Promise.race([options.onYield(reason).catch(() => {}), sleep(2_000)]);
  // Workers may join until this session ends, so its end is the line; whoever began before it is ended after it
  await endOthers(session, options.backupId, 5_000).catch(() => {});
  const clock = await session
    .query<{ now: string }>('SELECT pg_catalog.clock_timestamp()::text AS now')
    .catch(() => []);
  await session.end();
  const error = new BackupYielded(reason);
  await endSessionsBefore(options.database, options.backupId, clock[0]?.now ?? 'infinity').catch((cause) => {
    error.cause = cause;
  });
  return error;
}
