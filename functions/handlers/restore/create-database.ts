import { createBuild } from '../../media/build.ts';
import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { createHiddenDatabase } from '../../target/create-database.ts';
import { stateHandler } from '../state-handler.ts';

/** CreateDatabase: the hidden database that nobody else can connect to, and the folder that media are built in. */
export const createDatabase = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const restoring = await Restoring.find(store, run.id);
  const { notes, more } = await createHiddenDatabase(need(surroundings, 'target'), {
    runId: run.id,
    extensions: restoring.manifest.source.extensions,
    life,
    signal,
  });
  if (more) return { more };
  if (restoring.plan.media) await createBuild(need(surroundings, 'targetMedia'), run.id);
  await restoring.note('CreateDatabase', notes);
  return { more: false };
});
