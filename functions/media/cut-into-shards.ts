import type { MediaShard, PlannedMember } from './plan.ts';
import type { Found } from './scan.ts';

/** Largest content of one shard; a larger file is cut. */
export const defaultShardBytes = 256 * 1024 * 1024;
/** Most members of one shard: each costs several round trips on a network file system. */
export const defaultShardMembers = 20_000;
/** Most shards: their numbers travel through the state of a machine, which has 256 KiB. */
export const defaultMostShards = 2_500;

export interface ShardLimits {
  readonly shardBytes?: number | undefined;
  readonly shardMembers?: number | undefined;
  readonly mostShards?: number | undefined;
}

interface Size {
  readonly bytes: number;
  readonly members: number;
}

/**
 * Cuts what was found into shards and keeps its order. A shard ends before the member that would make it too large or
 * too long; a file that is larger than a shard is cut into parts, each a shard of its own. Where there would be too
 * many shards, they are larger than asked.
 */
export function cutIntoShards(found: readonly Found[], limits: ShardLimits = {}): MediaShard[] {
  const size = sizeFor(found, limits);
  const shards: MediaShard[] = [];
  for (const members of cut(found, size)) {
    const bytes = members.reduce((sum, { part, size }) => sum + (part?.bytes ?? size), 0);
    shards.push({ shard: shards.length + 1, bytes, members });
  }
  return shards;
}

function sizeFor(found: readonly Found[], limits: ShardLimits): Size {
  const { mostShards = defaultMostShards } = limits;
  const total = found.reduce((bytes, { size }) => bytes + size, 0);
  let bytes = limits.shardBytes ?? defaultShardBytes;
  let members = limits.shardMembers ?? defaultShardMembers;
  while (tooMany(found, { bytes, members }, mostShards)) {
    if (total / bytes > found.length / members) bytes *= 2;
    else members *= 2;
  }
  return { bytes, members };
}

function tooMany(found: readonly Found[], size: Size, mostShards: number): boolean {
  let shards = 0;
  for (const _ of cut(found, size)) if (++shards > mostShards) return true;
  return false;
}

function* cut(found: readonly Found[], size: Size): Generator<PlannedMember[]> {
  let members: PlannedMember[] = [];
  let bytes = 0;
  for (const each of found) {
    const cutUp = each.size > size.bytes;
    if (members.length > 0 && (cutUp || isFull({ bytes, members: members.length }, each.size, size))) {
      yield members;
      members = [];
      bytes = 0;
    }
    if (cutUp) for (const part of partsOf(each, partBytes(size.bytes))) yield [part];
    else {
      const { path, kind } = each;
      members.push(each.facts === undefined ? each : { path, kind, size: each.size });
      bytes += each.size;
    }
  }
  if (members.length > 0) yield members;
}

function isFull(current: Size, next: number, size: Size): boolean {
  return current.members >= size.members || (current.bytes > 0 && current.bytes + next > size.bytes);
}

function* partsOf({ path, kind, size, facts }: Found, most: number): Generator<PlannedMember> {
  if (facts === undefined) throw new TypeError('a file has no facts');
  const header = { ...facts, mtime: facts.mtime.toString() };
  for (let offset = 0; offset < size; offset += most) {
    const bytes = Math.min(most, size - offset);
    yield { path, kind, size, part: { offset, bytes, ...header } };
  }
}

/**
 * Parts end where pages of a file end: a client of a network file system that writes one half of a page may write the
 * other half as it last saw it, over what another client has written there.
 */
function partBytes(shardBytes: number): number {
  const unit = 2 ** Math.floor(Math.log2(Math.min(shardBytes, 4 * 1024 * 1024)));
  return shardBytes - (shardBytes % unit);
}
