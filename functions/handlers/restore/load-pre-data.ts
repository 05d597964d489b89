import { refuseProblems } from '../../profile/errors.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { checkApplied } from '../../sanitize/check-applied.ts';
import { loadPreData as load } from '../../target/load-pre-data.ts';
import { stateHandler } from '../state-handler.ts';

/** LoadPreData: schemas, types, functions and tables; and whether the profile fits them. */
export const loadPreData = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const { rebuild } = restoring.plan;
  const preData = await restoring.preData(signal);
  const { notes, more } = await load(need(surroundings, 'target'), rebuild, preData, { life, signal });
  if (more) return { more };
  await restoring.note('LoadPreData', notes);
  const { profile } = restoring.plan;
  if (profile) {
    const problems = await checkApplied(need(surroundings, 'target'), rebuild, profile, signal);
    refuseProblems(problems, 'no row was loaded');
  }
  return { more };
});
