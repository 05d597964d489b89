import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { addTriggers as add } from '../../target/add-triggers.ts';
import { stateHandler } from '../state-handler.ts';

/** AddTriggers: triggers, rules, policies: what acts on rows comes when they are all there. */
export const addTriggers = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return;
  const postData = await restoring.postData(signal);
  const notes = await add(need(surroundings, 'target'), restoring.plan.rebuild, postData, signal);
  await restoring.note('AddTriggers', notes);
});
