import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { sanitizeBuilt } from '../../restore/sanitize-built.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** Sanitize: before indexes, triggers and views exist, so that none of them keeps what is removed here. */
export const sanitize = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const restoring = await Restoring.find(surroundings.store, run.id);
  const target = need(surroundings, 'target');
  return { more: !(await sanitizeBuilt(restoring, target, { jobs: options.jobs, life }, surroundings)) };
});
