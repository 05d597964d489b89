import type { ArchivedShard, ArchiveOptions, ArchiveSink } from './archive.ts';
import { fromLatin1, join } from './path.ts';
import type { PlannedMember } from './plan.ts';
import { type Absence, SourceFile } from './source-file.ts';
import { tarHeader, tarPadding } from './tar-header.ts';

/** A stretch of a file's content that is a shard of its own. */
export interface FilePart {
  /** Of the file, as latin1. */
  readonly path: string;
  readonly offset: number;
  readonly bytes: number;
  /** Of the whole file, as its header says it. */
  readonly size: number;
}

/** What one part saw of its file; compared with what the others saw, it tells whether they read the same content. */
export interface Sighting {
  readonly size: number;
  /** Nanoseconds since 1970, in decimal. */
  readonly mtime: string;
  readonly inode: string;
  /** It changed while this part was read. */
  readonly torn: boolean;
}

export interface ArchivedPart {
  readonly part: FilePart;
  readonly seen: Sighting | Absence;
}

const pieceBytes = 1024 * 1024;

/**
 * Writes one part of a file: the first begins with the header, the last ends with the padding. It is always as long as
 * planned: parts are read at different times and places, and only together they are a member. What the file doesn't
 * have is zeros; a file that isn't there has the header that its plan says, so that the member is whole.
 */
export async function archivePart(
  root: Buffer,
  { path, size, part }: PlannedMember & { readonly part: NonNullable<PlannedMember['part']> },
  sink: ArchiveSink,
  { signal, progress }: ArchiveOptions,
): Promise<ArchivedShard> {
  const { offset, bytes } = part;
  const opened = await SourceFile.open(join(root, fromLatin1(path)));
  const file = typeof opened === 'string' ? undefined : opened;
  try {
    const first = offset === 0;
    if (first) {
      const { mode, uid, gid, mtime } = file?.facts ?? { ...part, mtime: BigInt(part.mtime) };
      const header = tarHeader({ path: fromLatin1(path), kind: 'file', mode, uid, gid, mtime, size });
      await sink.append(header, 1);
    }
    let short = false;
    for (let position = offset; position < offset + bytes; position += pieceBytes) {
      signal.throwIfAborted();
      const length = Math.min(pieceBytes, offset + bytes - position);
      const piece = await file?.read(position, length);
      short ||= piece?.short === true;
      await sink.append(piece?.bytes ?? Buffer.alloc(length), 0);
      progress.advance({ bytes: length });
    }
    if (offset + bytes === size) await sink.append(tarPadding(size), 0);
    if (first) progress.advance({ files: 1 });
    const files = first ? 1 : 0;
    return {
      ...{ files, directories: 0, links: 0, bytes, members: files, notes: [] },
      part: { path, offset, bytes, size },
      seen: typeof opened === 'string' ? opened : await sightingOf(opened, short),
    };
  } finally {
    await file?.close();
  }
}

async function sightingOf(file: SourceFile, short: boolean): Promise<Sighting> {
  const { size, mtime, inode } = file.opened;
  return {
    size,
    mtime: mtime.toString(),
    inode: inode.toString(),
    torn: short || !(await file.isUnchanged()),
  };
}
