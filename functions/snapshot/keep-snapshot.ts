import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLost } from '../postgres/errors.ts';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { BackupYielded, SnapshotLost } from './errors.ts';
import { lockAndExport } from './lock-and-export.ts';
import { endOthers, endSessionsBefore } from './release.ts';
import type { LeaveOut } from './select-relations.ts';
import { keeperLock, keeperName, openingName } from './session-names.ts';
import { connectForSnapshot } from './snapshot-session.ts';
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
  /** The snapshot is open and others can find it. */
  readonly onOpened?: (snapshotId: string) => void;
  /** Called after every look at the server, some seconds apart. */
  readonly beat?: () => void;
  readonly signal?: AbortSignal;
}

export type KeeperOutcome =
  /** The backup needs the snapshot no more. */
  | { readonly kind: 'released' }
  /** Another keeper of the same backup and round is there: this one has done nothing. */
  | { readonly kind: 'anotherKeeps' };

/** Milliseconds between looks at those who wait. */
const lookMs = 2_000;
/** Milliseconds between questions whether the snapshot is released. */
const askMs = 1_900;
/** A waiter is let go a little before its time is up, for ending sessions takes a moment. */
const headStartMs = 250;

/**
 * Opens the backup's snapshot and holds it until it is released, with a look at the server every few seconds.
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
    if (!(await claim(session, backupId, options.round))) return { kind: 'anotherKeeps' };
    const { snapshotId } = await lockAndExport(session, {
      leaveOut: options.leaveOut,
      databaseName: database.address.database,
      lockWaitSeconds: options.lockWaitSeconds ?? 60,
      signal,
    });
    // Only now can workers find it: everything that the name promises is there
    await session.execute(`SET application_name = ${quoteLiteral(keeperName(backupId, snapshotId))}`);
    options.onOpened?.(snapshotId);
    const waiter = await watch(session, options);
    if (waiter === undefined) return { kind: 'released' };
    throw await giveWay(session, waiter, options);
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

/** An advisory lock of the session: the second keeper of the same round leaves. */
async function claim(session: Session, backupId: RunId, round: number): Promise<boolean> {
  const [row] = await session.query<{ mine: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1) AS mine', [
    keeperLock(backupId, round).key,
  ]);
  return row?.mine === true;
}

async function isReleased(options: KeeperOptions): Promise<boolean> {
  return options.isReleased().catch(() => false);
}

/** @returns the waiter to give way to, or undefined when released */
async function watch(session: Session, options: KeeperOptions): Promise<Waiter | undefined> {
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
    options.beat?.();
    const left = waiter ? (bound - waiter.waited) * 1000 : Number.POSITIVE_INFINITY;
    const pause = Math.max(10, Math.min(lookMs, left, (options.blockedSeconds * 1000) / 4));
    await sleep(pause, undefined, options.signal ? { signal: options.signal } : {});
    if (released) return undefined;
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
