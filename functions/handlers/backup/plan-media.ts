import { BackupInput, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { planMedia as plan } from '../../media/plan.ts';
import { leave } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** Plans written at the same time; one names up to 20,000 files. */
const width = 8;

/** PlanMedia: which files go into the archive, and who reads them. */
export const planMedia = stateHandler(
  BackupInput,
  async ({ run, options }, { store, sourceMedia, mediaReason, progress, signal }) => {
    const at = roundOf(run);
    if (sourceMedia === undefined) {
      const without = mediaReason ?? 'no media directory was given';
      await leave(store, keys.media(at), { shards: [], without, notes: [] });
      return { shards: [] };
    }
    const planned = await plan(sourceMedia, { shardBytes: options.shardBytes, signal });
    for (let from = 0; from < planned.shards.length; from += width) {
      const some = planned.shards.slice(from, from + width);
      await Promise.all(some.map((shard) => leave(store, keys.mediaPlan(at, shard.shard), shard)));
    }
    const shards = planned.shards.map(({ shard }) => shard);
    await leave(store, keys.media(at), { shards, without: null, notes: planned.notes });
    for (const { path, note } of planned.notes) progress.warn(`media: ${path}: ${note}`);
    progress.expect({ bytes: planned.bytes, files: planned.files });
    return { shards };
  },
);
