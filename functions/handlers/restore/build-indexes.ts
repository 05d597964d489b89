import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { buildIndexes as build } from '../../target/build-indexes.ts';
import { stateHandler } from '../state-handler.ts';

/** BuildIndexes: after the rows, all of them, several at once. Single tables get the target's own in the end. */
export const buildIndexes = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return { more: false };
  const { more } = await build(need(surroundings, 'target'), restoring.plan.rebuild, {
    postData: await restoring.postData(signal),
    tables: restoring.tables,
    jobs: options.jobs,
    life,
    signal,
  });
  return { more };
});
