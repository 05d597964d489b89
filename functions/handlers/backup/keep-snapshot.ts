import { BackupInput, leaveOutOf, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { recordFailure } from '../../run/failure.ts';
import { need } from '../../run/require.ts';
import { BackupYielded } from '../../snapshot/errors.ts';
import { keepSnapshot as keep } from '../../snapshot/keep-snapshot.ts';
import { stateHandler } from '../state-handler.ts';

/** KeepSnapshot: opens the snapshot and holds it until it is released. Nobody waits for it. */
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
    signal,
  });
});
