import { readPostData } from '../../definitions/post-data.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { explainingCollisions } from '../../restore/unique-masks.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { buildIndexes as build } from '../../target/build-indexes.ts';
import { stateHandler } from '../state-handler.ts';

/** BuildIndexes: after the rows, all of them, several at once. Single tables get the target's own in the end. */
export const buildIndexes = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const { scope, rebuild, profile } = restoring.plan;
  if (scope === 'tables') return { more: false };
  const target = need(surroundings, 'target');
  const postData = await readPostData(await restoring.postData(signal));
  const work = { postData, tables: restoring.tables, jobs: options.jobs, life, signal };
  const { more } = await explainingCollisions(profile, () => build(target, rebuild, work));
  return { more };
});
