import { DamagedBackup } from '../archive/errors.ts';
import type { Manifest } from '../archive/manifest.ts';
import { createBuild } from '../media/build.ts';
import { MediaPatternMatchesNothing } from '../media/errors.ts';
import { type Merged, mergeTree } from '../media/merge.ts';
import { matchMedia } from '../media/patterns.ts';
import type { Progress } from '../run/progress.ts';
import type { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { extractChunk } from './extract-chunk.ts';
import { pinFiles } from './pin-files.ts';

export interface RestoreMediaOptions {
  readonly runId: RunId;
  readonly manifest: Manifest;
  /** The directory in use. */
  readonly media: string;
  /** Patterns of files that are restored, and of those among them that are not. */
  readonly only: readonly string[];
  readonly exclude: readonly string[];
  /** Workers at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface RestoredMedia extends Merged {
  readonly bytes: number;
}

/**
 * Unpacks the files of a backup that patterns name beside a media directory in use, and then puts them in the place of
 * those of the same names: all of them or none. Folders come along as far as files need them.
 * @throws MediaPatternMatchesNothing, DamagedBackup, MediaInTheWay, MediaNotWritable; nothing was changed then
 */
export async function restoreMedia(store: ObjectStore, options: RestoreMediaOptions): Promise<RestoredMedia> {
  const { runId, manifest, media, only, exclude, jobs, signal, progress } = options;
  if (typeof manifest.media === 'string')
    throw new MediaPatternMatchesNothing(
      `the backup ${manifest.backupId} has no media (${manifest.media}); choose another with --backup ID`,
    );
  const { media: pinned } = await pinFiles(store, manifest, true);
  if (!pinned)
    throw new DamagedBackup(`the backup ${manifest.backupId} has no media file; use another backup`);
  const [isMeant, isExcluded] = [matchMedia(only), matchMedia(exclude)];
  const staysOut = (path: string) => !isMeant(path) || isExcluded(path);
  const plan = { media: pinned };
  await createBuild(media, runId);
  let bytes = 0;
  let files = 0;
  const shards = manifest.media.chunks.map((_, index) => index + 1);
  const worker = async () => {
    for (let shard = shards.shift(); shard !== undefined; shard = shards.shift()) {
      const chunk = { manifest, plan, store, runId };
      const unpacked = await extractChunk(chunk, shard, media, { staysOut, progress, signal });
      files += unpacked.files + unpacked.links;
      bytes += unpacked.bytes;
    }
  };
  const workers = Array.from({ length: jobs }, () =>
    worker().catch((error: unknown) => {
      // The others end with what they are at, and only then is anything removed
      shards.length = 0;
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
  if (files === 0)
    throw new MediaPatternMatchesNothing(
      `no media file of backup ${manifest.backupId} is named by ${only.join(', ')}; docs/media.md says how patterns are written`,
    );
  signal.throwIfAborted();
  return { ...(await mergeTree(media, runId)), bytes };
}
