import type { Manifest } from '../../functions/archive/manifest.ts';
import { readResult } from '../../functions/archive/put-result.ts';
import { sealBackup } from '../../functions/archive/seal.ts';
import { MediaResult } from '../../functions/archive/shard-result.ts';
import { keys } from '../../functions/backup/records.ts';
import { archiveMedia } from '../../functions/handlers/backup/archive-media.ts';
import { type Build, createBuild } from '../../functions/media/build.ts';
import { type PlanOptions, planMedia } from '../../functions/media/plan.ts';
import { extractChunk } from '../../functions/restore/extract-chunk.ts';
import { RunId } from '../../functions/run/run-id.ts';
import { leave } from '../../functions/run/stored.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { sampleRun } from '../archive/sample-backup.ts';
import { quiet } from './trees.ts';

export const runId = RunId.parse('20261123T054300Z-k3f9qa');
const at = { runId, round: 1 };

export interface BackUpOptions extends PlanOptions {
  /** The order that shards are read in, of those planned; as planned without it. */
  readonly order?: (shards: number[]) => number[];
  /** Called before the shard at this place of the order is read. */
  readonly before?: (place: number) => void;
}

/** PlanMedia, ArchiveMedia for every shard and SealBackup, with a small database beside the media. */
export async function sealMedia(
  store: ObjectStore,
  directory: string,
  { order = (shards) => shards, before = () => {}, ...options }: BackUpOptions,
): Promise<Manifest> {
  const planned = await planMedia(directory, options);
  for (const shard of planned.shards) await leave(store, keys.mediaPlan(at, shard.shard), shard);
  const shards = planned.shards.map(({ shard }) => shard);
  for (const [place, shard] of order(shards).entries()) {
    before(place);
    await archiveOne(store, directory, shard);
  }
  const results = await Promise.all(
    shards.map(async (shard) => readResult(store, keys.mediaResult(at, shard), MediaResult)),
  );
  const media = { shards, results: results.filter((result) => result !== undefined) };
  return sealBackup(store, { ...(await sampleRun(store, runId, false)), media });
}

export async function archiveOne(store: ObjectStore, sourceMedia: string, shard: number): Promise<void> {
  const run = { id: runId, kind: 'backup', executionId: 'test', startedAt: '2026-11-23T05:43:00Z', round: 1 };
  const surroundings = { ...quiet, store, sourceMedia, remainingMs: () => Infinity };
  await archiveMedia({ run, options: {}, shard }, surroundings as unknown as Surroundings);
}

/** Extracts chunks (numbers from 1; all, in order, unless told otherwise) into a media directory. */
export async function extractMedia(
  store: ObjectStore,
  manifest: Manifest,
  media: string,
  chunks: readonly number[] = allChunks(manifest),
): Promise<Build> {
  const build = await createBuild(media, runId);
  const key = `backups/${manifest.backupId}/media.tar.zst`;
  const { etag } = (await store.head(key)) ?? { etag: '' };
  const restoring = { store, manifest, runId, plan: { media: { key, etag } } };
  // Four workers, each taking the next chunk.
  const waiting = [...chunks];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await extractChunk(restoring, next, media, quiet);
  };
  await Promise.all([work(), work(), work(), work()]);
  return build;
}

export function allChunks({ media }: Manifest): number[] {
  return typeof media === 'string' ? [] : media.chunks.map((_, index) => index + 1);
}
