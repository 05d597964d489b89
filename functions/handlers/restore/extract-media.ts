import { extractChunk } from '../../restore/extract-chunk.ts';
import { RestoreWorkerInput } from '../../restore/input.ts';
import { keys } from '../../restore/records.ts';
import { Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { leave } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** ExtractMedia: one worker's files, into the folder beside those in use. */
export const extractMedia = stateHandler(RestoreWorkerInput, async ({ run, shard }, surroundings) => {
  const { store, progress, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const { leftOut } = await extractChunk(restoring, shard, need(surroundings, 'targetMedia'), {
    progress,
    signal,
  });
  if (restoring.plan.excludeMedia?.length) await leave(store, keys.mediaLeftOut(run.id, shard), leftOut);
});
