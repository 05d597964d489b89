import { lstat, readlink, stat } from 'node:fs/promises';
import type { Progress } from '../run/progress.ts';
import { type ArchivedPart, archivePart } from './archive-part.ts';
import { inOrder } from './concurrency.ts';
import { MediaDirectoryMissing } from './errors.ts';
import { fromLatin1, join } from './path.ts';
import type { PlannedMember } from './plan.ts';
import { type FileFacts, fileFacts, type Note, noteOn } from './scan.ts';
import { type Absence, absenceOf, leftOut, SourceFile } from './source-file.ts';
import { tarHeader, tarPadding } from './tar-header.ts';

/** Where the archive goes. `count` is the number of members that begin in `bytes`. */
export interface ArchiveSink {
  append(bytes: Buffer, count: number): Promise<void>;
}

export interface ArchiveOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Where the shard is a part of one file, `part` says which and `seen` what it saw of the file. */
export interface ArchivedShard extends Partial<ArchivedPart> {
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
/** A file that has grown beyond this since it was planned is too much for one worker, and is as long as planned. */
const mostGrown = 512 * 1024 * 1024;
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
  const [only] = members;
  if (only?.part !== undefined) return archivePart(root, { ...only, part: only.part }, sink, options);
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
  const stream = (sink: ArchiveSink) => archiveFile(root, path, member.size, sink, signal);
  if (member.size > smallFile) return { stream };
  const small = await archiveFile(root, path, member.size, undefined, signal);
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
    if (kind === 'directory' ? !facts.isDirectory() : !facts.isSymbolicLink())
      return absent(path, 'replaced');
    const target = kind === 'symlink' ? await readlink(full, { encoding: 'buffer' }) : undefined;
    return { kind, block: header(path, kind, fileFacts(facts), 0, target), bytes: 0 };
  } catch (error) {
    return absent(path, absenceOf(full, error));
  }
}

/** Without a sink, only small files are read, into one block; undefined when the file turns out to be large. */
async function archiveFile(
  root: Buffer,
  path: Buffer,
  planned: number,
  sink: ArchiveSink,
  signal: AbortSignal,
): Promise<Archived>;
async function archiveFile(
  root: Buffer,
  path: Buffer,
  planned: number,
  sink: undefined,
  signal: AbortSignal,
): Promise<Archived | undefined>;
async function archiveFile(
  root: Buffer,
  path: Buffer,
  planned: number,
  sink: ArchiveSink | undefined,
  signal: AbortSignal,
): Promise<Archived | undefined> {
  const file = await SourceFile.open(join(root, path));
  if (typeof file === 'string') return absent(path, file);
  try {
    if (sink === undefined && file.opened.size > smallFile) return undefined;
    const overgrown = file.opened.size > Math.max(planned, mostGrown);
    const size = overgrown ? planned : file.opened.size;
    const blocks: Buffer[] = [header(path, 'file', file.facts, size)];
    if (sink !== undefined) await sink.append(blocks.pop() as Buffer, 1);
    let torn = overgrown;
    for (let position = 0; position < size; position += pieceBytes) {
      signal.throwIfAborted();
      const piece = await file.read(position, Math.min(pieceBytes, size - position));
      torn ||= piece.short;
      if (sink === undefined) blocks.push(piece.bytes);
      else await sink.append(piece.bytes, 0);
    }
    torn ||= !(await file.isUnchanged());
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

function header(
  path: Buffer,
  kind: PlannedMember['kind'],
  facts: FileFacts,
  size: number,
  target?: Buffer,
): Buffer {
  return tarHeader({ path, kind, ...facts, size, ...(target !== undefined && { target }) });
}

function absent(path: Buffer, absence: Absence): Archived {
  return { bytes: 0, note: noteOn(path, leftOut[absence]) };
}
