import { bringIntoUse } from '../../restore/bring-into-use.ts';
import { inUseAlready } from '../../restore/in-use-already.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** SwitchOver: the one moment in which the target changes. */
export const switchOver = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const switched = await bringIntoUse(restoring, need(surroundings, 'target'), {
    media: restoring.plan.media ? need(surroundings, 'targetMedia') : undefined,
    keepPrevious: options.keepPrevious,
    dropPrevious: options.dropPrevious,
    signal,
  });
  return inUseAlready(surroundings, async () => switched);
});
