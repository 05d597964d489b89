import { RestoreWorkerInput } from '../../restore/input.ts';
import { loadPlanned } from '../../restore/load-planned.ts';
import { newAttempt } from '../../run/attempt.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** LoadShard: one worker's chunks, each a ranged read and a transaction. */
export const loadShard = stateHandler(RestoreWorkerInput, async ({ run, shard }, surroundings) => {
  const { store, progress, signal } = surroundings;
  await loadPlanned(need(surroundings, 'target'), store, {
    runId: run.id,
    shard,
    attempt: newAttempt(),
    progress,
    signal,
  });
});
