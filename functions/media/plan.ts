import { z } from 'zod';
import { toLatin1 } from './path.ts';
import { type Found, type Note, scanMedia } from './scan.ts';

/** Largest content of one shard; a larger file is a shard of its own. */
export const defaultShardBytes = 256 * 1024 * 1024;
/** Most members of one shard: each costs several round trips on a network file system. */
export const defaultShardMembers = 20_000;

const count = z.int().nonnegative();

function isLatin1(path: string): boolean {
  return !path.includes('\0') && Buffer.from(path, 'latin1').toString('latin1') === path;
}

export const PlannedMember = z.object({
  /** Relative to the media directory, each byte of the name one character (latin1); empty: the directory itself. */
  path: z.string().refine(isLatin1, 'is not a path of bytes'),
  kind: z.enum(['file', 'directory', 'symlink']),
  /** When it was planned; what counts is the size when it is read. */
  size: count,
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
});
export type MediaPlan = z.infer<typeof MediaPlan>;

export interface PlanOptions {
  readonly shardBytes?: number;
  readonly shardMembers?: number;
  readonly signal?: AbortSignal;
}

/**
 * Lists a media directory and cuts it into shards. Every file is checked to be readable.
 * @throws MediaDirectoryMissing, MediaUnreadable
 */
export async function planMedia(directory: string, options: PlanOptions = {}): Promise<MediaPlan> {
  const notes: Note[] = [];
  const found: Found[] = [];
  for await (const member of scanMedia(directory, (note) => notes.push(note))) {
    options.signal?.throwIfAborted();
    found.push(member);
  }
  const sum = (kind: Found['kind']) => found.filter((member) => member.kind === kind).length;
  return {
    shards: cutIntoShards(found, options),
    files: sum('file'),
    directories: sum('directory'),
    links: sum('symlink'),
    bytes: found.reduce((bytes, member) => bytes + member.size, 0),
    notes,
  };
}

/** Keeps the order: a shard ends before the member that would make it too large or too long. */
export function cutIntoShards(members: Iterable<Found>, options: PlanOptions = {}): MediaShard[] {
  const { shardBytes = defaultShardBytes, shardMembers = defaultShardMembers } = options;
  const shards: MediaShard[] = [];
  let current: MediaShard | undefined;
  for (const { path, kind, size } of members) {
    const full =
      current === undefined ||
      current.members.length >= shardMembers ||
      (current.bytes > 0 && current.bytes + size > shardBytes);
    if (current === undefined || full) {
      current = { shard: shards.length + 1, bytes: 0, members: [] };
      shards.push(current);
    }
    current.members.push({ path: toLatin1(path), kind, size });
    current.bytes += size;
  }
  return shards;
}
