import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { runStatements } from '../../sanitize/run-statements.ts';
import { stateHandler } from '../state-handler.ts';

/** Sanitize: before indexes, triggers and views exist, so that none of them keeps what is removed here. */
export const sanitize = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  if (!surroundings.sanitize) return { more: false };
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const { plan } = await Restoring.find(store, run.id);
  const outcome = await runStatements(
    need(surroundings, 'target'),
    plan.rebuild,
    surroundings.sanitize.statements,
    { jobs: options.jobs, life, signal },
  );
  return { more: outcome === undefined };
});
