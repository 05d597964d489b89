import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { loadPreData as load } from '../../target/load-pre-data.ts';
import { stateHandler } from '../state-handler.ts';

/** LoadPreData: schemas, types, functions and tables. */
export const loadPreData = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const { rebuild } = restoring.plan;
  const notes = await load(need(surroundings, 'target'), rebuild, await restoring.preData(signal), signal);
  await restoring.note('LoadPreData', notes);
});
