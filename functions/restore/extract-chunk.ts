import { readSection } from '../archive/chunk-reader.ts';
import { DamagedBackup } from '../archive/errors.ts';
import { InternalError } from '../errors/usage.ts';
import { buildOf } from '../media/build.ts';
import { type ExtractOptions, extractShard, type LeftOutCounts, nothingLeftOut } from '../media/extract.ts';
import { matchMedia } from '../media/patterns.ts';
import type { RestoreRecord } from './records.ts';
import type { Restoring } from './restoring.ts';

/** A `Restoring`, as far as media need it. */
export interface MediaToRestore extends Pick<Restoring, 'manifest' | 'store' | 'runId'> {
  readonly plan: Pick<RestoreRecord, 'media' | 'excludeMedia'>;
}

/**
 * Unpacks one chunk of media.tar.zst.
 * @returns what patterns left out of it
 * @throws DamagedBackup when it holds other members than the manifest says
 */
export async function extractChunk(
  { manifest, plan, store, runId }: MediaToRestore,
  shard: number,
  media: string,
  options: Omit<ExtractOptions, 'part' | 'staysOut'>,
): Promise<LeftOutCounts> {
  const chunk = typeof manifest.media === 'string' ? undefined : manifest.media.chunks[shard - 1];
  if (!chunk || !plan.media) throw new InternalError(`the backup has no media shard ${shard}`);
  const staysOut = matchMedia(plan.excludeMedia ?? []);
  const { part } = chunk;
  if (part && staysOut(part.path))
    return { ...nothingLeftOut, files: part.offset === 0 ? 1 : 0, bytes: part.bytes };
  const { key } = plan.media;
  const tar = readSection(store, key, chunk, plan.media, {
    what: `media, part ${shard}`,
    signal: options.signal,
  });
  const { members, leftOut } = await extractShard(tar, buildOf(media, runId), shard, {
    ...options,
    part,
    staysOut,
  });
  if (members !== chunk.members)
    throw new DamagedBackup(
      `${store.uri(key)}, part ${shard}, holds ${members} files and directories, its manifest says ${chunk.members}; use another backup`,
    );
  return leftOut;
}
