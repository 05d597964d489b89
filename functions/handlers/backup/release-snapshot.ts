import { BackupInput, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { need } from '../../run/require.ts';
import { releaseSnapshot as release } from '../../snapshot/release.ts';
import { stateHandler } from '../state-handler.ts';

/** ReleaseSnapshot: lets production go on without us. First the mark, so that no keeper takes its end for a loss. */
export const releaseSnapshot = stateHandler(BackupInput, async ({ run }, surroundings) => {
  await surroundings.store.put(keys.released(roundOf(run)), '');
  await release(need(surroundings, 'source'), run.id, surroundings.signal);
});
