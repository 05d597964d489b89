import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { setSequences as set } from '../../target/set-sequences.ts';
import { stateHandler } from '../state-handler.ts';

/** SetSequences: each goes on where the source's was. */
export const setSequences = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const { plan, manifest } = await Restoring.find(store, run.id);
  return set(need(surroundings, 'target'), plan.rebuild, manifest.sequences, { life, signal });
});
