import { readPostData } from '../../definitions/post-data.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { refreshViews as refresh } from '../../target/refresh-views.ts';
import { stateHandler } from '../state-handler.ts';

/** RefreshViews: materialised views that the source has filled. */
export const refreshViews = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  if (restoring.plan.scope === 'tables') return { more: false };
  const postData = await readPostData(await restoring.postData(signal));
  const { more } = await refresh(need(surroundings, 'target'), restoring.plan.rebuild, postData, {
    life,
    signal,
  });
  return { more };
});
