import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { leavePlan } from '../../backup/leave-plan.ts';
import { keys, SnapshotRecord } from '../../backup/records.ts';
import { checkLongCopies } from '../../rows/long-copies.ts';
import { planShards as plan } from '../../rows/plan-shards.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { find } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** PlanShards: who reads which rows. */
export const planShards = stateHandler(SnapshotInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, progress } = surroundings;
  const at = roundOf(run);
  const { rows, definitionOnly, source } = await find(store, keys.snapshot(at), SnapshotRecord);
  const planned = plan(rows, {
    shardBytes: options.shardBytes,
    jobs: options.jobs,
    serverVersion: source.serverVersionNum,
  });
  for (const warning of checkLongCopies(planned, source.serverVersionNum, life.wholeSeconds))
    progress.warn(warning);
  progress.expect({ bytes: planned.shards.reduce((sum, { bytes }) => sum + bytes, 0) });
  return { shards: await leavePlan(store, at, planned, definitionOnly) };
});
