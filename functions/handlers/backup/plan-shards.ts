import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { leavePlan } from '../../backup/leave-plan.ts';
import { keys, SnapshotRecord } from '../../backup/records.ts';
import { planShards as plan } from '../../rows/plan-shards.ts';
import { find } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** PlanShards: who reads which rows. */
export const planShards = stateHandler(SnapshotInput, async ({ run, options }, { store, progress }) => {
  const at = roundOf(run);
  const { rows, definitionOnly, source } = await find(store, keys.snapshot(at), SnapshotRecord);
  const planned = plan(rows, {
    shardBytes: options.shardBytes,
    jobs: options.jobs,
    serverVersion: source.serverVersionNum,
  });
  progress.expect({ bytes: planned.shards.reduce((sum, { bytes }) => sum + bytes, 0) });
  return { shards: await leavePlan(store, at, planned, definitionOnly) };
});
