import type { OtherRuns } from '../locks/run-lock.ts';
import { runsFolder } from '../run/keys.ts';
import type { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { readRecord, runsPresent } from './run-record.ts';

/** Objects without a record are a late attempt's of a run that was cleaned up: after a day nobody writes any more. */
const strayMs = 24 * 3600 * 1000;

/** Has every run cleaned up that ended without doing so itself: killed, or its machine lost. */
export async function sweepDeadRuns(store: ObjectStore, self: RunId, others: OtherRuns): Promise<void> {
  for (const runId of await runsPresent(store)) {
    if (runId === self) continue;
    const record = await readRecord(store, runId);
    const dead = record ? !(await others.isAlive(runId, record.owner)) : await isStray(store, runId);
    if (dead) await others.clearDead(runId);
  }
}

async function isStray(store: ObjectStore, runId: RunId): Promise<boolean> {
  let newest = 0;
  for await (const object of store.list(`${runsFolder}${runId}/`))
    newest = Math.max(newest, object.lastModified?.getTime() ?? Number.POSITIVE_INFINITY);
  return Date.now() - newest > strayMs;
}
