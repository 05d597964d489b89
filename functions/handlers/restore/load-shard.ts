import { RestoreWorkerInput } from '../../restore/input.ts';
import { loadPlanned } from '../../restore/load-planned.ts';
import { newAttempt } from '../../run/attempt.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** LoadShard: one worker's chunks, each a ranged read and a transaction. */
export const loadShard = stateHandler(RestoreWorkerInput, async ({ run, shard }, surroundings) => {
  const { store, progress, signal } = surroundings;
  const life = new Lifetime(surroundings.remainingMs);
  const loaded = await loadPlanned(need(surroundings, 'target'), store, {
    runId: run.id,
    shard,
    attempt: newAttempt(),
    maskKey: () => need(surroundings, 'maskKey'),
    progress,
    life,
    signal,
  });
  return { more: !loaded };
});
