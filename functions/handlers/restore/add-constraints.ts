import { readPostData } from '../../definitions/post-data.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { explainingCollisions } from '../../restore/unique-masks.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { addConstraints as add } from '../../target/add-constraints.ts';
import { stateHandler } from '../state-handler.ts';

/** AddConstraints: keys take over their indexes, then foreign keys are added and validated. */
export const addConstraints = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const { scope, rebuild, profile } = restoring.plan;
  if (scope === 'tables') return { more: false };
  const target = need(surroundings, 'target');
  const postData = await readPostData(await restoring.postData(signal));
  const work = { postData, tables: restoring.tables, jobs: options.jobs, life, signal };
  const { notes, more } = await explainingCollisions(profile, () => add(target, rebuild, work));
  if (!more) await restoring.note('AddConstraints', notes);
  return { more };
});
