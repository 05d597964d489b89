import { BackupInput, leaveOutOf, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { recordKey } from '../../recovery/run-record.ts';
import { recordFailure } from '../../run/failure.ts';
import { need } from '../../run/require.ts';
import { BackupYielded, SnapshotLost } from '../../snapshot/errors.ts';
import { keepSnapshot as keep } from '../../snapshot/keep-snapshot.ts';
import { stateHandler } from '../state-handler.ts';

/**
 * KeepSnapshot: opens the snapshot, or takes it over from the keeper before, and holds it until it is released or the next
 * keeper has it. Nobody waits for it.
 */
export const keepSnapshot = stateHandler(BackupInput, async ({ run, options }, surroundings) => {
  const { store, progress, signal } = surroundings;
  const at = roundOf(run);
  // What OpenSnapshot wrote when the first keeper had it; the first keeper itself finds none yet
  const opened = (await store.head(keys.snapshot(at)))?.lastModified ?? new Date();
  const kept = keep({
    database: need(surroundings, 'source'),
    backupId: run.id,
    round: run.round,
    leaveOut: leaveOutOf(options),
    blockedSeconds: options.blockedSeconds,
    onYield: (reason) => recordFailure(store, at, 'KeepSnapshot', new BackupYielded(reason)),
    isReleased: async () => (await store.head(keys.released(at))) !== undefined,
    wasOpened: async () => (await store.head(keys.snapshot(at))) !== undefined,
    beat: seldom(60_000, () =>
      progress.measure('SnapshotAgeSeconds', (Date.now() - opened.getTime()) / 1000),
    ),
    signal,
  });
  return kept.catch(async (error) => {
    // A run that failed has been cleaned up, this session with it: nobody lost a snapshot that they still wanted
    if (error instanceof SnapshotLost && !(await store.head(recordKey(run.id)))) return { kind: 'released' };
    throw error;
  });
});

/** Passes on the first call, and then no more than one in so many milliseconds. */
function seldom(ms: number, call: () => void): () => void {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - last < ms) return;
    last = performance.now();
    call();
  };
}
