import { readSection } from '../archive/chunk-reader.ts';
import { DamagedBackup } from '../archive/errors.ts';
import { InternalError } from '../errors/usage.ts';
import { buildOf } from '../media/build.ts';
import { type ExtractedShard, type ExtractOptions, extractShard, nothingLeftOut } from '../media/extract.ts';
import { matchMedia } from '../media/patterns.ts';
import type { RestoreRecord } from './records.ts';
import type { Restoring } from './restoring.ts';

/** A `Restoring`, as far as media need it. */
export interface MediaToRestore extends Pick<Restoring, 'manifest' | 'store' | 'runId'> {
  readonly plan: Pick<RestoreRecord, 'media' | 'excludeMedia'>;
}

/**
 * Unpacks one chunk of media.tar.zst.
 * @returns what was unpacked, and what patterns left out
 * @throws DamagedBackup when it holds other members than the manifest says
 */
export async function extractChunk(
  { manifest, plan, store, runId }: MediaToRestore,
  shard: number,
  media: string,
  options: Omit<ExtractOptions, 'part'>,
): Promise<ExtractedShard> {
  const chunk = typeof manifest.media === 'string' ? undefined : manifest.media.chunks[shard - 1];
  if (!chunk || !plan.media) throw new InternalError(`the backup has no media shard ${shard}`);
  const staysOut = options.staysOut ?? matchMedia(plan.excludeMedia ?? []);
  const { part, members: all } = chunk;
  if (part && staysOut(part.path)) {
    const leftOut = { ...nothingLeftOut, files: part.offset === 0 ? 1 : 0, bytes: part.bytes };
    return { files: 0, directories: 0, links: 0, bytes: 0, members: all, leftOut };
  }
  const { key } = plan.media;
  const tar = readSection(store, key, chunk, plan.media, {
    what: `media, part ${shard}`,
    signal: options.signal,
  });
  const extracted = await extractShard(tar, buildOf(media, runId), shard, {
    ...options,
    part,
    staysOut,
  });
  const { members } = extracted;
  if (members !== chunk.members)
    throw new DamagedBackup(
      `${store.uri(key)}, part ${shard}, holds ${members} files and directories, its manifest says ${chunk.members}; use another backup`,
    );
  return extracted;
}
