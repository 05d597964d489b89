import { paddedSize } from './count-members.ts';
import type { MediaChunk, MediaPart } from './manifest.ts';
import type { MediaResult } from './shard-result.ts';

type WithPart = Pick<MediaChunk, 'members' | 'part'>;

/**
 * The index of the first chunk that can't be where it is; undefined when the parts of every file follow one another
 * from its beginning to its end.
 */
export function misplacedPart(chunks: readonly WithPart[]): number | undefined {
  let open: MediaPart | undefined;
  for (const [index, { part, members }] of chunks.entries()) {
    const due = open ? open.offset + open.bytes : 0;
    const continues = open ? part?.path === open.path && part.size === open.size : true;
    if (!continues || (part?.offset ?? 0) !== due) return index;
    if (part && members !== (part.offset === 0 ? 1 : 0)) return index;
    if (part && due + part.bytes > part.size) return index;
    open = part && due + part.bytes < part.size ? part : undefined;
  }
  return open ? chunks.length : undefined;
}

/** Bytes of content and padding of its file that are not before a part (its own too), and those after it. */
export function toCome({ offset, bytes, size }: MediaPart): {
  readonly atStart: number;
  readonly atEnd: number;
} {
  const after = offset + bytes;
  return {
    atStart: offset === 0 ? 0 : paddedSize(size) - offset,
    atEnd: after === size ? 0 : paddedSize(size) - after,
  };
}

/** The results of the parts of one file, in order, or of a shard that is no part. */
export function groupParts(results: readonly MediaResult[]): MediaResult[][] {
  const groups: MediaResult[][] = [];
  for (const result of results) {
    const { part } = result.chunk;
    if (part === undefined || part.offset === 0) groups.push([result]);
    else groups.at(-1)?.push(result);
  }
  return groups;
}

/**
 * Did all parts of a file read the same content?
 * @returns undefined when they did, or a note on it, and whether the file is to be left out because no part found it
 */
export function compareSightings(
  parts: readonly MediaResult[],
): { readonly note: string; readonly leaveOut: boolean } | undefined {
  const seen = parts.flatMap(({ file }) => (file ? [file.seen] : []));
  const [first] = seen;
  const size = parts[0]?.chunk.part?.size;
  if (first === undefined) return undefined;
  if (seen.every((each) => typeof each === 'string')) {
    const how =
      first === 'removed'
        ? 'removed before it could be read'
        : 'replaced by something of another kind meanwhile';
    return { note: `was ${how}, left out`, leaveOut: true };
  }
  if (seen.some((each) => typeof each === 'string'))
    return { note: 'went away while it was read: what could not be read any more is zeros', leaveOut: false };
  const alike = seen.every((each) => JSON.stringify(each) === JSON.stringify(first));
  if (alike && typeof first !== 'string' && !first.torn && first.size === size) return undefined;
  return {
    note: `changed after it was planned: its first ${size} bytes are here, and the content may be of two moments`,
    leaveOut: false,
  };
}
