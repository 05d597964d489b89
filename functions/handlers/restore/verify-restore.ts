import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { verifyBuilt } from '../../restore/verify-built.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** VerifyRestore: what was built is what the manifest says, or it does not come into use. */
export const verifyRestore = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const restoring = await Restoring.find(surroundings.store, run.id);
  const verified = await verifyBuilt(restoring, need(surroundings, 'target'), {
    jobs: options.jobs,
    media: restoring.plan.media ? need(surroundings, 'targetMedia') : undefined,
    life,
    signal: surroundings.signal,
  });
  if (!verified) return { more: true };
  await restoring.report('VerifyRestore', verified);
  return { ...verified, more: false };
});
