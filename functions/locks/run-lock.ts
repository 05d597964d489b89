import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { errorOf } from '../errors/replicator-error.ts';
import { locksFolder } from '../run/keys.ts';
import { describeOwner, RunOwner } from '../run/owner.ts';
import { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';

export class RunInProgress extends errorOf({
  code: 'RunInProgress',
  exitCode: 3,
  meaning: 'Another run works on the same source or target: wait for it to end, or end it.',
}) {}

const LockRecord = z.object({
  runId: RunId,
  owner: RunOwner,
  /** What is locked, as a person knows it. */
  subject: z.string(),
  state: z.enum(['claimed', 'held']),
  takenAt: z.string(),
});
export type LockRecord = z.infer<typeof LockRecord>;

/** What must not have two runs at once: one source, or one target. */
export interface LockSubject {
  readonly kind: 'source' | 'target';
  /** Stable for as long as the server runs, whatever name it is reached by. */
  readonly identity: string;
  /** For messages. */
  readonly description: string;
}

/** What is known of, and done about, other runs. */
export interface OtherRuns {
  isAlive(runId: RunId, owner: RunOwner): Promise<boolean>;
  /** Removes what a run that has ended without cleaning up left behind, its lock included. */
  clearDead(runId: RunId): Promise<void>;
}

const settleMs = 150;
const patienceMs = 10_000;

/**
 * Takes the lock of a subject for a run. Repeatable: a run that holds it keeps it.
 *
 * Every run writes an object of its own and then lists the folder: whoever comes second sees the first, because
 * S3 lists what was written before ("Amazon S3 data consistency model"). No conditional write is needed, so that
 * the lock also holds on servers that ignore conditions, and the object of a run that has died can be deleted
 * without meeting a living one of the same key.
 * @throws RunInProgress
 */
export async function takeLock(
  store: ObjectStore,
  subject: LockSubject,
  run: { id: RunId; owner: RunOwner },
  others: OtherRuns,
  signal?: AbortSignal,
): Promise<void> {
  const key = lockKey(subject, run.id);
  const record = {
    runId: run.id,
    owner: run.owner,
    subject: subject.description,
    takenAt: new Date().toISOString(),
  };
  const deadline = Date.now() + patienceMs;
  if ((await readLock(store, key))?.state === 'held') return;
  for (;;) {
    signal?.throwIfAborted();
    await store.put(key, JSON.stringify({ ...record, state: 'claimed' }));
    const rival = await strongestRival(store, subject, run.id, others);
    if (!rival) {
      await store.put(key, JSON.stringify({ ...record, state: 'held' }));
      return;
    }
    if (rival.state === 'held' || Date.now() > deadline) {
      await store.remove([key]);
      throw new RunInProgress(
        `run ${rival.runId} (${describeOwner(rival.owner)}) works on ${subject.kind} ${rival.subject} since ${rival.takenAt}; wait for it to end, or end it`,
      );
    }
    // Two claims at once: the older id stays and waits for the other to give way or to hold
    if (rival.runId < run.id) await store.remove([key]);
    await sleep(settleMs + Math.random() * settleMs, undefined, { signal });
  }
}

/** Removes every lock of a run. */
export async function freeLocks(store: ObjectStore, runId: RunId): Promise<void> {
  const keys: string[] = [];
  for await (const object of store.list(locksFolder)) {
    if (object.key.endsWith(`/${runId}.json`)) keys.push(object.key);
  }
  if (keys.length > 0) await store.remove(keys);
}

async function strongestRival(
  store: ObjectStore,
  subject: LockSubject,
  self: RunId,
  others: OtherRuns,
): Promise<LockRecord | undefined> {
  const rivals: LockRecord[] = [];
  for await (const { key } of store.list(lockFolder(subject))) {
    const lock = await readLock(store, key);
    if (!lock || lock.runId === self) continue;
    if (await others.isAlive(lock.runId, lock.owner)) rivals.push(lock);
    else await others.clearDead(lock.runId);
  }
  return (
    rivals.find((lock) => lock.state === 'held') ?? rivals.toSorted((a, b) => (a.runId < b.runId ? -1 : 1))[0]
  );
}

async function readLock(store: ObjectStore, key: string): Promise<LockRecord | undefined> {
  const found = await store.get(key);
  return found && LockRecord.parse(JSON.parse(found.body.toString('utf8')));
}

function lockFolder(subject: LockSubject): string {
  const digest = createHash('sha256').update(subject.identity).digest('hex').slice(0, 16);
  return `${locksFolder}${subject.kind}-${digest}/`;
}

function lockKey(subject: LockSubject, runId: RunId): string {
  return `${lockFolder(subject)}${runId}.json`;
}
