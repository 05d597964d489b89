import { z } from 'zod';
import type { Lifetime } from '../run/lifetime.ts';
import { cutIntoShards, defaultMostShards, defaultShardBytes, type ShardLimits } from './cut-into-shards.ts';
import { matchMedia } from './patterns.ts';
import { type Found, type Note, type ScanPosition, scanMedia } from './scan.ts';

const count = z.int().nonnegative();

function isLatin1(path: string): boolean {
  return !path.includes('\0') && Buffer.from(path, 'latin1').toString('latin1') === path;
}

export const PlannedMember = z.object({
  /** Relative to the media directory, each byte of the name one character (latin1); empty: the directory itself. */
  path: z.string().refine(isLatin1, 'is not a path of bytes'),
  kind: z.enum(['file', 'directory', 'symlink']),
  /** When it was planned; what counts is the size when it is read, but for a file that is cut. */
  size: count,
  /** A stretch of a large file, the only member of its shard; and what its header says when the file is gone. */
  part: z
    .object({
      offset: count,
      bytes: count.positive(),
      mode: count,
      uid: count,
      gid: count,
      /** Nanoseconds since 1970. */
      mtime: z.string().regex(/^-?\d+$/),
    })
    .optional(),
});
export type PlannedMember = z.infer<typeof PlannedMember>;

export const MediaShard = z.object({
  shard: z.int().positive(),
  bytes: count,
  members: z.array(PlannedMember),
});
export type MediaShard = z.infer<typeof MediaShard>;

/** What will be archived, in the order of the archive: depth first, so that tar sets folders' times rightly. */
export const MediaPlan = z.object({
  shards: z.array(MediaShard),
  files: count,
  /** The media directory itself counts as one. */
  directories: count,
  links: count,
  bytes: count,
  notes: z.array(z.object({ path: z.string(), note: z.string() })),
  /** What patterns left out. */
  leftOut: z.object({ files: count, bytes: count }),
});
export type MediaPlan = z.infer<typeof MediaPlan>;

export interface PlanOptions extends ShardLimits {
  /** Goes on behind this. */
  readonly after?: ScanPosition | undefined;
  /** Ends when this is nearly over. */
  readonly life?: Lifetime | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Patterns of what stays out. */
  readonly exclude?: readonly string[];
}

export interface PlannedMedia {
  readonly plan: MediaPlan;
  /** Where the next call goes on; undefined when all was seen. */
  readonly rest: ScanPosition | undefined;
}

/** All of planning; see `planSome`. */
export async function planMedia(directory: string, options: PlanOptions = {}): Promise<MediaPlan> {
  return (await planSome(directory, options)).plan;
}

/**
 * Lists a media directory and cuts it into shards, as much of it as the lifetime allows. Every file is checked to be
 * readable.
 * @throws MediaDirectoryMissing, MediaUnreadable, BadMediaPattern
 */
export async function planSome(directory: string, options: PlanOptions): Promise<PlannedMedia> {
  const { shardBytes = defaultShardBytes, mostShards = defaultMostShards, after, life, signal } = options;
  const staysOut = matchMedia(options.exclude ?? []);
  const leftOut = { files: 0, bytes: 0 };
  const notes: Note[] = [];
  const found: Found[] = [];
  const counts = { file: 0, directory: 0, symlink: 0 };
  let bytes = 0;
  let rest: ScanPosition | undefined;
  for await (const member of scanMedia(directory, (note) => notes.push(note), after)) {
    signal?.throwIfAborted();
    const { path, kind, size } = member;
    if (staysOut(path)) {
      if (kind !== 'directory') leftOut.files += 1;
      leftOut.bytes += size;
    } else {
      counts[kind] += 1;
      bytes += size;
      // There may be a million of them: facts are kept of those alone that may be cut.
      found.push(size > shardBytes ? member : { path, kind, size });
    }
    if (life?.isNearlyOver) {
      rest = { path, kind };
      break;
    }
  }
  const { file: files, directory: directories, symlink: links } = counts;
  // Nobody knows how much is to come: it may have half of the shards
  const most = rest ? Math.max(1, Math.floor(mostShards / 2)) : mostShards;
  const shards = cutIntoShards(found, { ...options, mostShards: most });
  return { plan: { shards, files, directories, links, bytes, notes, leftOut }, rest };
}
