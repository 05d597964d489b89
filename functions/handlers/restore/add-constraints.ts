import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { addConstraints as add } from '../../target/add-constraints.ts';
import { stateHandler } from '../state-handler.ts';

/** AddConstraints: keys take over their indexes, then foreign keys are added and validated. */
export const addConstraints = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return { more: false };
  const { notes, more } = await add(need(surroundings, 'target'), restoring.plan.rebuild, {
    postData: await restoring.postData(signal),
    tables: restoring.tables,
    jobs: options.jobs,
    life,
    signal,
  });
  if (!more) await restoring.note('AddConstraints', notes);
  return { more };
});
