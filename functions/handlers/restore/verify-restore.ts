import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { verifyBuilt } from '../../restore/verify-built.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** VerifyRestore: what was built is what the manifest says, or it does not come into use. */
export const verifyRestore = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const restoring = await Restoring.find(surroundings.store, run.id);
  return verifyBuilt(restoring, need(surroundings, 'target'), {
    jobs: options.jobs,
    media: restoring.plan.media ? need(surroundings, 'targetMedia') : undefined,
    signal: surroundings.signal,
  });
});
