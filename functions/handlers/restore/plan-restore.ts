import { dryRunOf } from '../../restore/dry-run.ts';
import { examine } from '../../restore/examine.ts';
import { RestoreInput } from '../../restore/input.ts';
import { leavePlan } from '../../restore/leave-plan.ts';
import { planRestore as plan } from '../../restore/plan-restore.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** PlanRestore: which backup, into which target, and all that speaks against it, before anything is built. */
export const planRestore = stateHandler(RestoreInput, async ({ run, options }, surroundings) => {
  if (options.dryRun)
    return dryRunOf(await examine(run.id, options, surroundings), need(surroundings, 'target'), run.id);
  const planned = await plan(run, options, surroundings);
  return leavePlan(surroundings.store, run.id, planned, options.jobs, surroundings.progress);
});
