import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { analyzeTables } from '../../target/analyze.ts';
import { stateHandler } from '../state-handler.ts';

/** Analyze: the planner's statistics, so that the first query is as fast as the thousandth. */
export const analyze = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return { more: false };
  const { more } = await analyzeTables(need(surroundings, 'target'), restoring.plan.rebuild, {
    tables: restoring.tables,
    jobs: options.jobs,
    life,
    signal,
  });
  return { more };
});
