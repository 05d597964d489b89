import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { addConstraints as add } from '../../target/add-constraints.ts';
import { stateHandler } from '../state-handler.ts';

/** AddConstraints: keys take over their indexes, then foreign keys are added and validated. */
export const addConstraints = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return;
  const { notes } = await add(need(surroundings, 'target'), restoring.plan.rebuild, {
    postData: await restoring.postData(signal),
    tables: restoring.tables,
    jobs: options.jobs,
    signal,
  });
  await restoring.note('AddConstraints', notes);
});
