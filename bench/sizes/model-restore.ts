import { readManifest } from '../../functions/archive/read-manifest.ts';
import { mediaShards } from '../../functions/estimate/estimate-backup.ts';
import * as works from '../../functions/estimate/work.ts';
import { leavePlan } from '../../functions/restore/leave-plan.ts';
import { keys, LoadPlan, type RestoreRecord } from '../../functions/restore/records.ts';
import { backupKey, databaseFile, mediaFile } from '../../functions/run/keys.ts';
import { silence } from '../../functions/run/progress.ts';
import { find } from '../../functions/run/stored.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { etagOf } from './memory-store.ts';
import type { Model, ModelHandler } from './model.ts';

/** The handlers of Restore over what a simulated backup left: its real manifest, the real plans made from it. */
export function modelRestore(model: Model): Record<string, ModelHandler> {
  const { shape, jobs } = model;
  const store = model.store as unknown as ObjectStore;
  return {
    PlanRestore: async ({ run, options }) => {
      const manifest = await readManifest(store, model.backupId);
      const record = recordOf(model.backupId, run.id);
      const plan = await leavePlan(store, run.id, { record, manifest }, options.jobs, silence);
      return { output: plan, work: works.planRestore(shape.tables.length, plan.shards.length) };
    },
    CreateDatabase: async () => ({ output: { more: false }, work: works.work(2, 3, 1) }),
    LoadPreData: async () => ({ output: { more: false }, work: works.loadPreData(shape) }),
    LoadShard: async ({ run, shard = 0 }) => {
      const { chunks } = await find(store, keys.load(run.id, shard), LoadPlan);
      const text = chunks.reduce((sum, { chunk }) => sum + chunk.rawBytes, 0);
      return { output: { more: false }, work: works.loadShard(chunks.length, text) };
    },
    ExtractMedia: async ({ shard = 0 }) => {
      const own = mediaShards(shape.media, model.shardBytes)[shard - 1] ?? { files: 0, bytes: 0 };
      return { output: { more: false }, work: works.extractMedia(own.files, own.bytes) };
    },
    Sanitize: async () => ({ output: { more: false }, work: works.small }),
    BuildIndexes: async () => ({ output: { more: false }, work: works.buildIndexes(shape, jobs) }),
    AddConstraints: async () => ({ output: { more: false }, work: works.addConstraints(shape, jobs) }),
    AddTriggers: async () => ({ output: { more: false }, work: works.small }),
    RefreshViews: async () => ({ output: { more: false }, work: works.small }),
    SetSequences: async () => ({ output: { more: false }, work: works.setSequences(shape) }),
    Analyze: async () => ({ output: { more: false }, work: works.analyze(shape, jobs) }),
    VerifyRestore: async () => ({
      output: { tables: shape.tables.length, rows: 1e9, more: false },
      work: works.verifyRestore(shape, jobs),
    }),
    // As many notes, each as long, as may travel through the state (functions/restore/bring-into-use.ts)
    SwitchOver: async () => ({
      output: { notes: Array.from({ length: 101 }, () => 'x'.repeat(500)) },
      work: works.switchOver,
    }),
  };
}

function recordOf(backupId: string, runId: string): RestoreRecord {
  const pinned = (file: string) => ({
    key: backupKey(backupId, file),
    etag: etagOf(backupKey(backupId, file)),
  });
  return {
    backupId,
    database: pinned(databaseFile),
    media: pinned(mediaFile),
    scope: 'database',
    rebuild: { runId } as unknown as RestoreRecord['rebuild'],
    copiesMedia: false,
    notes: [],
  };
}
