import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, lstat, open, readlink, stat } from 'node:fs/promises';
import type { Progress } from '../run/progress.ts';
import { inOrder } from './concurrency.ts';
import { MediaDirectoryMissing, systemCode } from './errors.ts';
import { fromLatin1, join } from './path.ts';
import type { PlannedMember } from './plan.ts';
import { type Note, noteOn, unreadable } from './scan.ts';
import { tarHeader, tarPadding } from './tar-header.ts';

/** Where the archive goes. `count` is the number of members that begin in `bytes`. */
export interface ArchiveSink {
  append(bytes: Buffer, count: number): Promise<void>;
}

export interface ArchiveOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface ArchivedShard {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Bytes of files' contents. */
  readonly bytes: number;
  /** Files, directories and links: what the archive holds of this shard. */
  readonly members: number;
  readonly notes: readonly Note[];
}

/** Contents up to this size are read ahead, several at once. */
const smallFile = 256 * 1024;
const pieceBytes = 1024 * 1024;
const width = 16;
/** So many files, all of them gone, are no clean-up by users but a volume that went away. */
const tooManyGone = 10;

/**
 * Writes the members of one shard as tar, without the end-of-archive blocks: those come after the last shard.
 * A file's content is always exactly as long as its header says. What changed while it was read, or was gone, is noted.
 * @throws MediaUnreadable, MediaDirectoryMissing, the signal's reason, and what the sink throws
 */
export async function archiveShard(
  directory: string,
  members: readonly PlannedMember[],
  sink: ArchiveSink,
  options: ArchiveOptions,
): Promise<ArchivedShard> {
  const root = Buffer.from(directory);
  const counts = { file: 0, directory: 0, symlink: 0 };
  const notes: Note[] = [];
  let bytes = 0;
  const read = (member: PlannedMember) => prepare(root, member, options.signal);
  for await (const prepared of inOrder(members, width, read)) {
    options.signal.throwIfAborted();
    const written = 'stream' in prepared ? await prepared.stream(sink) : prepared;
    if (written.note !== undefined) notes.push(written.note);
    if (written.kind === undefined) continue;
    if (written.block !== undefined) await sink.append(written.block, 1);
    counts[written.kind] += 1;
    bytes += written.bytes;
    options.progress.advance(written.kind === 'file' ? { bytes: written.bytes, files: 1 } : {});
  }
  const planned = members.filter((member) => member.kind === 'file').length;
  if (counts.file === 0 && planned >= tooManyGone) {
    throw new MediaDirectoryMissing(
      `none of ${planned} files that were in ${directory} a moment ago is there: is it still mounted?`,
    );
  }
  const { file: files, directory: directories, symlink: links } = counts;
  return { files, directories, links, bytes, members: files + directories + links, notes };
}

/** A member that was read; without `kind` it is not in the archive, without `block` it has been written. */
interface Archived {
  readonly kind?: PlannedMember['kind'];
  readonly block?: Buffer;
  readonly bytes: number;
  readonly note?: Note;
}

/** A file that is too large to be read ahead. */
interface Deferred {
  stream(sink: ArchiveSink): Promise<Archived>;
}

async function prepare(
  root: Buffer,
  member: PlannedMember,
  signal: AbortSignal,
): Promise<Archived | Deferred> {
  const path = fromLatin1(member.path);
  signal.throwIfAborted();
  if (member.kind !== 'file') return archiveWithoutContent(root, path, member.kind);
  const stream = (sink: ArchiveSink) => archiveFile(root, path, sink, signal);
  if (member.size > smallFile) return { stream };
  const small = await archiveFile(root, path, undefined, signal);
  return small ?? { stream };
}

async function archiveWithoutContent(
  root: Buffer,
  path: Buffer,
  kind: 'directory' | 'symlink',
): Promise<Archived> {
  const full = join(root, path);
  try {
    // The media directory itself may be reached by a link; nothing inside it is.
    const facts = await (path.length === 0 ? stat : lstat)(full, { bigint: true });
    if (kind === 'directory' ? !facts.isDirectory() : !facts.isSymbolicLink()) return changedKind(path);
    const target = kind === 'symlink' ? await readlink(full, { encoding: 'buffer' }) : undefined;
    return { kind, block: header(path, kind, facts, target), bytes: 0 };
  } catch (error) {
    return goneOrThrow(path, full, error);
  }
}

/** Without a sink, only small files are read, into one block; undefined when the file turns out to be large. */
async function archiveFile(
  root: Buffer,
  path: Buffer,
  sink: ArchiveSink,
  signal: AbortSignal,
): Promise<Archived>;
async function archiveFile(
  root: Buffer,
  path: Buffer,
  sink: undefined,
  signal: AbortSignal,
): Promise<Archived | undefined>;
async function archiveFile(
  root: Buffer,
  path: Buffer,
  sink: ArchiveSink | undefined,
  signal: AbortSignal,
): Promise<Archived | undefined> {
  const full = join(root, path);
  let file: FileHandle;
  try {
    // Neither a link nor a pipe that has taken the file's place is followed or waited for.
    file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return goneOrThrow(path, full, error);
  }
  try {
    const before = await statOf(file, full);
    if (!before.isFile()) return changedKind(path);
    const size = Number(before.size);
    if (sink === undefined && size > smallFile) return undefined;
    const blocks: Buffer[] = [header(path, 'file', before)];
    if (sink !== undefined) await sink.append(blocks.pop() as Buffer, 1);
    let torn = false;
    for (let position = 0; position < size; position += pieceBytes) {
      signal.throwIfAborted();
      const piece = await readExactly(file, full, position, Math.min(pieceBytes, size - position));
      torn ||= piece.short;
      if (sink === undefined) blocks.push(piece.bytes);
      else await sink.append(piece.bytes, 0);
    }
    const after = await statOf(file, full);
    torn ||= after.size !== before.size || after.mtimeNs !== before.mtimeNs;
    const padding = tarPadding(size);
    if (sink === undefined) blocks.push(padding);
    else if (padding.length > 0) await sink.append(padding, 0);
    return {
      kind: 'file',
      bytes: size,
      ...(sink === undefined && { block: Buffer.concat(blocks) }),
      ...(torn && { note: noteOn(path, 'changed while it was read: the content may be of two moments') }),
    };
  } finally {
    await file.close();
  }
}

/** What a file no longer has is read as zeros. */
async function readExactly(file: FileHandle, full: Buffer, position: number, length: number) {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file
      .read(bytes, filled, length - filled, position + filled)
      .catch((error: unknown) => Promise.reject(unreadable(full, error)));
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return { bytes, short: filled < length };
}

async function statOf(file: FileHandle, full: Buffer): Promise<BigIntStats> {
  return file.stat({ bigint: true }).catch((error: unknown) => Promise.reject(unreadable(full, error)));
}

function header(path: Buffer, kind: PlannedMember['kind'], facts: BigIntStats, target?: Buffer): Buffer {
  return tarHeader({
    path,
    kind,
    mode: Number(facts.mode & 0o7777n),
    uid: Number(facts.uid),
    gid: Number(facts.gid),
    size: kind === 'file' ? Number(facts.size) : 0,
    mtime: facts.mtimeNs,
    ...(target !== undefined && { target }),
  });
}

function changedKind(path: Buffer): Archived {
  return { bytes: 0, note: noteOn(path, 'was replaced by something of another kind meanwhile, left out') };
}

const gone = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

function goneOrThrow(path: Buffer, full: Buffer, error: unknown): Archived {
  const code = systemCode(error) ?? '';
  if (gone.has(code))
    return { bytes: 0, note: noteOn(path, 'was removed before it could be read, left out') };
  // ELOOP is O_NOFOLLOW's answer to a link, ENXIO the answer to opening a socket.
  if (code === 'ELOOP' || code === 'ENXIO') return changedKind(path);
  throw unreadable(full, error);
}
