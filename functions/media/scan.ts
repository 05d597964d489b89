import type { BigIntStats, Stats } from 'node:fs';
import { access, constants, lstat, readdir, stat } from 'node:fs/promises';
import { inOrder } from './concurrency.ts';
import { MediaDirectoryMissing, MediaUnreadable, systemCode } from './errors.ts';
import { fromLatin1, isOwnName, join, printable } from './path.ts';

export type MemberKind = 'file' | 'directory' | 'symlink';

/** What lies in a media directory. */
export interface Found {
  /** Relative to it, each byte of the name one character (latin1); empty for the directory itself. */
  readonly path: string;
  readonly kind: MemberKind;
  /** Bytes of a file's content, 0 for others. */
  readonly size: number;
  /** Of a file. */
  readonly facts?: FileFacts;
}

/** What a header says of a file beside its name and size. */
export interface FileFacts {
  /** Permission bits (`0o7777`). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
}

export interface Note {
  readonly path: string;
  readonly note: string;
}

/** Entries looked at together: on network file systems each look is a round trip. */
const width = 16;
/** Folders listed ahead of their turn, and how far ahead they are looked for: trees with a file or two a folder. */
const foldersAhead = 8;
const entriesAhead = 64;

interface Folder {
  readonly found: Found[];
  readonly notes: Note[];
}

/**
 * Walks a media directory depth first, the entries of each folder in the order of their bytes: the directory itself
 * comes first, every folder before its contents. Links are reported, never followed.
 * @param note what is there but belongs into no archive: sockets, devices, pipes
 * @throws MediaDirectoryMissing, MediaUnreadable (naming a file or folder that can't be read)
 */
export async function* scanMedia(directory: string, note: (note: Note) => void): AsyncGenerator<Found> {
  const root = Buffer.from(directory);
  await mustBeDirectory(directory);
  const begun = new Map<Found, Promise<Folder>>();
  const list = (folder: Found): Promise<Folder> => {
    const listing = begun.get(folder) ?? lookInto(root, folder.path);
    listing.catch(() => {});
    return listing;
  };
  const pending: Found[] = [{ path: '', kind: 'directory', size: 0 }];
  try {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      yield next;
      if (next.kind !== 'directory') continue;
      const { found, notes } = await list(next);
      begun.delete(next);
      for (const each of notes) note(each);
      for (const entry of found.reverse()) pending.push(entry);
      for (const entry of pending.slice(-entriesAhead).reverse()) {
        if (begun.size >= foldersAhead) break;
        if (entry.kind === 'directory' && !begun.has(entry)) begun.set(entry, list(entry));
      }
    }
  } finally {
    await Promise.allSettled(begun.values());
  }
}

/** @throws MediaDirectoryMissing, MediaUnreadable */
export async function mustBeDirectory(directory: string): Promise<Stats> {
  let facts: Stats;
  try {
    facts = await stat(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new MediaDirectoryMissing(
        `the media directory ${printable(directory)} does not exist: check --media and whether it is mounted`,
        { cause: error },
      );
    }
    throw unreadable(Buffer.from(directory), error);
  }
  if (!facts.isDirectory()) {
    throw new MediaDirectoryMissing(`${printable(directory)} is not a directory: --media takes a directory`);
  }
  return facts;
}

export function unreadable(path: Buffer, error: unknown): MediaUnreadable {
  const code = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
  return new MediaUnreadable(
    `${printable(path)} cannot be read (${code}): give the user that runs the backup access to it`,
    { cause: error },
  );
}

async function lookInto(root: Buffer, folder: string): Promise<Folder> {
  const names = await namesIn(join(root, fromLatin1(folder)), folder === '');
  const look = (name: string) => lookAt(root, folder === '' ? name : `${folder}/${name}`);
  const listing: Folder = { found: [], notes: [] };
  for await (const entry of inOrder(names, width, look)) {
    if (entry === undefined) continue;
    if ('note' in entry) listing.notes.push(entry);
    else listing.found.push(entry);
  }
  return listing;
}

/** As latin1: a million names are far smaller as text than as Buffers. */
async function namesIn(folder: Buffer, atTop: boolean): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder, { encoding: 'latin1' });
  } catch (error) {
    // Gone since it was listed; what was in it is gone too. A root that goes away is another matter.
    if (systemCode(error) === 'ENOENT' && !atTop) return [];
    throw unreadable(folder, error);
  }
  const wanted = atTop ? names.filter((name) => !isOwnName(fromLatin1(name))) : names;
  return wanted.sort();
}

async function lookAt(root: Buffer, path: string): Promise<Found | Note | undefined> {
  const name = fromLatin1(path);
  const full = join(root, name);
  try {
    const facts = await lstat(full, { bigint: true });
    if (facts.isSymbolicLink()) return { path, kind: 'symlink', size: 0 };
    if (facts.isDirectory()) {
      if (isLostAndFound(name, facts)) return noteOn(name, "the file system's own folder, left out");
      return { path, kind: 'directory', size: 0 };
    }
    if (!facts.isFile()) return noteOn(name, `${describeKind(facts)}, left out`);
    await access(full, constants.R_OK);
    return { path, kind: 'file', size: Number(facts.size), facts: fileFacts(facts) };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unreadable(full, error);
  }
}

export function fileFacts(facts: BigIntStats): FileFacts {
  return {
    mode: Number(facts.mode & 0o7777n),
    uid: Number(facts.uid),
    gid: Number(facts.gid),
    mtime: facts.mtimeNs,
  };
}

/** ext4 keeps recovered files in `lost+found` at the root of a volume: readable by root alone, and no media. */
export function isLostAndFound(path: Buffer, { uid, mode }: Stats | BigIntStats): boolean {
  return path.equals(Buffer.from('lost+found')) && Number(uid) === 0 && (Number(mode) & 0o077) === 0;
}

export function noteOn(path: Buffer, note: string): Note {
  return { path: printable(path), note };
}

function describeKind(facts: BigIntStats): string {
  if (facts.isSocket()) return 'a socket';
  if (facts.isFIFO()) return 'a named pipe';
  if (facts.isBlockDevice() || facts.isCharacterDevice()) return 'a device';
  return 'neither file, folder nor link';
}
