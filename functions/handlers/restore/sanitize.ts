import { RestoreInput } from '../../restore/input.ts';
import { Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { runStatements } from '../../sanitize/run-statements.ts';
import { stateHandler } from '../state-handler.ts';

/** Sanitize: before indexes, triggers and views exist, so that none of them keeps what is removed here. */
export const sanitize = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  if (!surroundings.sanitize) return;
  const { store, signal } = surroundings;
  const { plan } = await Restoring.find(store, run.id);
  await runStatements(need(surroundings, 'target'), plan.rebuild, surroundings.sanitize.statements, signal);
});
