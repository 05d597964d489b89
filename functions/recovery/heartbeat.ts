import { runKey } from '../run/keys.ts';
import type { RunOwner } from '../run/owner.ts';
import type { RunId } from '../run/run-id.ts';
import type { Surroundings } from '../run/surroundings.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { recordKey } from './run-record.ts';

/** So long after its last sign of life a process that can't be looked at counts as dead. */
const silenceMs = 5 * 60_000;

function beatKey(runId: RunId): string {
  return runKey(runId, 'alive');
}

/** A process's sign of life; the object's own time is what counts, by the store's clock. */
export async function beat(store: ObjectStore, runId: RunId): Promise<void> {
  await store.put(beatKey(runId), '');
}

/**
 * Does the owner of a run still go on? What can be seen from here decides; a process on another machine, or in another
 * container, has ended when it has given no sign of life for minutes.
 * @param now an object of the asking run: its age is the store's idea of now
 */
export async function isRunAlive(
  { store, isAlive }: Pick<Surroundings, 'store' | 'isAlive'>,
  runId: RunId,
  owner: RunOwner,
  now: Date,
): Promise<boolean> {
  const seen = await isAlive(owner);
  if (seen !== undefined) return seen;
  const last = (await store.head(beatKey(runId))) ?? (await store.head(recordKey(runId)));
  const since = last?.lastModified;
  return since === undefined || now.getTime() - since.getTime() < silenceMs;
}
