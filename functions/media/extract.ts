import { randomBytes } from 'node:crypto';
import { lstat, lutimes, mkdir, open, rename, symlink } from 'node:fs/promises';
import type { Progress } from '../run/progress.ts';
import type { FilePart } from './archive-part.ts';
import { type DirectoryAttributes, recordDirectories, timeFor } from './attributes.ts';
import type { Build } from './build.ts';
import { BoundedTasks } from './concurrency.ts';
import { MediaUnsafe, systemCode } from './errors.ts';
import { extractPart } from './extract-part.ts';
import { giveTo, type Owner, ownerFor } from './owner.ts';
import { PartFile } from './part-file.ts';
import { fromLatin1, isOwnName, join, printable } from './path.ts';
import { type ReadMember, readMembers } from './tar-members.ts';

export interface ExtractOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Where the shard is a part of one file, and not whole members. */
  readonly part?: FilePart | undefined;
  /** Whether a member, by its path as latin1, is left out; parts are left out by who calls. */
  readonly staysOut?: (path: string) => boolean;
}

export interface ExtractedShard {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
  /** To be compared with what the manifest says of the chunk: an archive may end early between two members. */
  readonly members: number;
  /** Of those, what was not unpacked. */
  readonly leftOut: LeftOutCounts;
}

export interface LeftOutCounts {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
}

export const nothingLeftOut: LeftOutCounts = { files: 0, directories: 0, links: 0, bytes: 0 };

/** Contents up to this size are written in the background, several at once. */
const smallFile = 256 * 1024;
const width = 16;

/**
 * Unpacks one shard into the tree of a build. Any number of shards may be unpacked at the same time and in any order,
 * and each may be repeated: a file is written beside the tree and moved in when it is whole.
 * Directories get their modes and times in `finishDirectories`. Nothing is ever written outside the tree or through a
 * link. Run as root, everything is given to the owner of the media directory.
 * @throws MediaUnsafe, MediaDamaged, the signal's reason, and what `tar` throws
 */
export async function extractShard(
  tar: AsyncIterable<Buffer>,
  build: Build,
  shard: number,
  options: ExtractOptions,
): Promise<ExtractedShard> {
  const unpacking = new Unpacking(build, await ownerFor(build.media));
  if (options.part !== undefined) {
    const names = safeParts({ path: options.part.path, kind: 'file' });
    const part = { ...options.part, path: names.join('/') };
    await unpacking.ensureDirectory(names.slice(0, -1));
    return extractPart(tar, await PartFile.prepare(build, part), part, options);
  }
  const tasks = new BoundedTasks(width);
  const counts = { file: 0, directory: 0, symlink: 0 };
  const left = { file: 0, directory: 0, symlink: 0, bytes: 0 };
  const directories: DirectoryAttributes[] = [];
  let bytes = 0;
  try {
    for await (const member of readMembers(tar)) {
      options.signal.throwIfAborted();
      const parts = safeParts(member);
      if (options.staysOut?.(parts.join('/'))) {
        left[member.kind] += 1;
        left.bytes += member.kind === 'file' ? member.size : 0;
        for await (const _ of member.content);
        continue;
      }
      counts[member.kind] += 1;
      if (member.kind === 'directory') {
        await unpacking.ensureDirectory(parts);
        if (parts.length > 0) directories.push(attributesOf(member, parts));
        continue;
      }
      await unpacking.ensureDirectory(parts.slice(0, -1));
      const path = parts.join('/');
      if (member.kind === 'symlink') {
        await unpacking.writeLink(path, member);
        continue;
      }
      bytes += member.size;
      if (member.size <= smallFile) {
        const content = await collect(member.content);
        await tasks.start(() => unpacking.writeFile(path, member, [content], options.signal));
      } else {
        await unpacking.writeFile(path, member, member.content, options.signal);
      }
      options.progress.advance({ bytes: member.size, files: 1 });
    }
    await tasks.finish();
  } finally {
    await tasks.settle();
  }
  await recordDirectories(build, shard, directories);
  const { file: files, directory, symlink: links } = counts;
  return {
    files,
    directories: directory,
    links,
    bytes,
    members: files + directory + links + left.file + left.directory + left.symlink,
    leftOut: { files: left.file, directories: left.directory, links: left.symlink, bytes: left.bytes },
  };
}

/** The names on a member's path, as latin1; none for the archive's root. */
function safeParts(member: Pick<ReadMember, 'path' | 'kind'>): string[] {
  const refuse = (why: string) => {
    throw new MediaUnsafe(`the media archive holds a member ${why}: ${printable(fromLatin1(member.path))}`);
  };
  if (member.path.startsWith('/')) refuse('with an absolute path');
  if (member.path.includes('\0')) refuse('whose name holds a NUL');
  const parts = member.path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) refuse('that leaves its directory');
  if (parts.length === 0 && member.kind !== 'directory') refuse('without a name');
  if (isOwnName(fromLatin1(parts[0] ?? ''))) refuse("with one of this program's own names");
  return parts;
}

function attributesOf(member: ReadMember, parts: readonly string[]): DirectoryAttributes {
  return { path: parts.join('/'), mode: member.mode, mtime: member.mtime };
}

async function collect(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

class Unpacking {
  readonly #build: Build;
  readonly #owner: Owner | undefined;
  /** Directories that are known to be there and to be no links; nothing ever takes a directory's place again. */
  readonly #known = new Set<string>();
  readonly #attempt = randomBytes(6).toString('hex');
  #number = 0;

  constructor(build: Build, owner: Owner | undefined) {
    this.#build = build;
    this.#owner = owner;
  }

  async ensureDirectory(parts: readonly string[]): Promise<void> {
    for (let length = 1; length <= parts.length; length += 1) {
      const path = parts.slice(0, length).join('/');
      if (this.#known.has(path)) continue;
      await this.#makeDirectory(path);
      this.#known.add(path);
    }
  }

  async #makeDirectory(path: string): Promise<void> {
    const full = join(this.#build.tree, fromLatin1(path));
    try {
      await mkdir(full, { mode: 0o755 });
      await giveTo(this.#owner, full);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      const facts = await lstat(full);
      if (facts.isDirectory()) return;
      throw new MediaUnsafe(
        `the media archive wants to write below ${printable(fromLatin1(path))}, which it also holds as a ${facts.isSymbolicLink() ? 'link' : 'file'}`,
      );
    }
  }

  async writeLink(path: string, member: ReadMember): Promise<void> {
    const draft = this.#draft();
    await symlink(fromLatin1(member.target), draft);
    await giveTo(this.#owner, draft);
    await lutimes(draft, timeFor(member.mtime), timeFor(member.mtime));
    await this.#moveIn(draft, path);
  }

  async writeFile(
    path: string,
    member: ReadMember,
    content: Iterable<Buffer> | AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const draft = this.#draft();
    const file = await open(draft, 'wx', 0o600);
    try {
      for await (const piece of content) {
        signal.throwIfAborted();
        await writeWhole(file, piece);
      }
      if (this.#owner !== undefined) await file.chown(this.#owner.uid, this.#owner.gid);
      await file.chmod(member.mode);
      await file.utimes(timeFor(member.mtime), timeFor(member.mtime));
      await file.datasync();
    } finally {
      await file.close();
    }
    await this.#moveIn(draft, path);
  }

  #draft(): Buffer {
    this.#number += 1;
    return join(this.#build.incoming, `${this.#attempt}-${this.#number}`);
  }

  /** Replaces what an earlier attempt left: a file or a link; a directory in that place is an error. */
  async #moveIn(draft: Buffer, path: string): Promise<void> {
    const full = join(this.#build.tree, fromLatin1(path));
    try {
      await rename(draft, full);
    } catch (error) {
      if (systemCode(error) !== 'EISDIR') throw error;
      throw new MediaUnsafe(
        `the media archive holds ${printable(fromLatin1(path))} twice, once as a directory`,
        { cause: error },
      );
    }
  }
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, piece: Buffer): Promise<void> {
  for (let written = 0; written < piece.length; ) {
    const { bytesWritten } = await file.write(piece, written, piece.length - written);
    written += bytesWritten;
  }
}
