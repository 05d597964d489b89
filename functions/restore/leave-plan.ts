import { keys as reportKeys } from '../report/keys.ts';
import type { Progress } from '../run/progress.ts';
import type { RunId } from '../run/run-id.ts';
import { leave } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { planLoad } from './plan-load.ts';
import type { PlannedRestore } from './plan-restore.ts';
import { keys } from './records.ts';
import { chosenTables } from './restoring.ts';

/** Plans written at the same time. */
const width = 24;

/** Under `$.plan`: what the machine goes on with. */
export interface PlanState {
  readonly backupId: RunId;
  readonly scope: string;
  /** Numbers of shards, and no more than that. */
  readonly shards: readonly number[];
  readonly mediaShards: readonly number[];
  readonly copiesMedia: boolean;
}

/** Leaves every worker its plan. */
export async function leavePlan(
  store: ObjectStore,
  runId: RunId,
  { record, manifest }: PlannedRestore,
  jobs: number,
  progress: Progress,
): Promise<PlanState> {
  const tables = chosenTables(manifest, record);
  const plans = planLoad(tables, jobs, record.profile?.treatments);
  await leave(store, keys.plan(runId), record);
  if (record.notes.length > 0) await leave(store, reportKeys.notes(runId, 'PlanRestore'), record.notes);
  for (let from = 0; from < plans.length; from += width)
    await Promise.all(
      plans.slice(from, from + width).map((plan) => leave(store, keys.load(runId, plan.shard), plan)),
    );
  const media = record.media && typeof manifest.media !== 'string' ? manifest.media : undefined;
  progress.expect({
    bytes: tables.reduce((sum, { rawBytes }) => sum + rawBytes, 0) + (media?.bytes ?? 0),
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    ...(media && { files: media.files }),
  });
  return {
    backupId: record.backupId,
    scope: record.scope,
    shards: plans.map(({ shard }) => shard),
    mediaShards: media?.chunks.map((_, index) => index + 1) ?? [],
    copiesMedia: record.copiesMedia,
  };
}
