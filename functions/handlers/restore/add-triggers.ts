import { readPostData } from '../../definitions/post-data.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { addTriggers as add } from '../../target/add-triggers.ts';
import { stateHandler } from '../state-handler.ts';

/** AddTriggers: triggers, rules, policies: what acts on rows comes when they are all there. */
export const addTriggers = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return { more: false };
  const postData = await readPostData(await restoring.postData(signal));
  const { notes, more } = await add(need(surroundings, 'target'), restoring.plan.rebuild, postData, {
    life,
    signal,
  });
  if (!more) await restoring.note('AddTriggers', notes);
  return { more };
});
