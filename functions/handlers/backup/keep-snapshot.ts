import { BackupInput, leaveOutOf, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { recordFailure } from '../../run/failure.ts';
import { need } from '../../run/require.ts';
import { BackupYielded } from '../../snapshot/errors.ts';
import { keepSnapshot as keep } from '../../snapshot/keep-snapshot.ts';
import { stateHandler } from '../state-handler.ts';

/**
 * KeepSnapshot: opens the snapshot, or takes it over from the keeper before, and holds it until it is released or the next
 * keeper has it. Nobody waits for it.
 */
export const keepSnapshot = stateHandler(BackupInput, async ({ run, options }, surroundings) => {
  const { store, signal } = surroundings;
  const at = roundOf(run);
  return keep({
    database: need(surroundings, 'source'),
    backupId: run.id,
    round: run.round,
    leaveOut: leaveOutOf(options),
    blockedSeconds: options.blockedSeconds,
    onYield: (reason) => recordFailure(store, at, 'KeepSnapshot', new BackupYielded(reason)),
    isReleased: async () => (await store.head(keys.released(at))) !== undefined,
    wasOpened: async () => (await store.head(keys.snapshot(at))) !== undefined,
    signal,
  });
});
