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

/** Names of one folder that are looked at before the first of them is told: a folder may have a million. */
const namesAtOnce = 10_000;

/** Where a scan ended; the next one goes on behind it. */
export type ScanPosition = Pick<Found, 'path' | 'kind'>;

/** Names of a folder that are still to be looked at, in their order. */
interface Names {
  readonly folder: string;
  readonly names: readonly string[];
}

interface Listing {
  readonly found: Found[];
  readonly notes: Note[];
  readonly rest: Names | undefined;
}

/**
 * Walks a media directory depth first, the entries of each folder in the order of their bytes: the directory itself
 * comes first, every folder before its contents. Links are reported, never followed.
 * @param note what is there but belongs into no archive: sockets, devices, pipes
 * @param after what another scan ended with: this one begins with what comes after it
 * @throws MediaDirectoryMissing, MediaUnreadable (naming a file or folder that can't be read)
 */
export async function* scanMedia(
  directory: string,
  note: (note: Note) => void,
  after?: ScanPosition,
): AsyncGenerator<Found> {
  const root = Buffer.from(directory);
  await mustBeDirectory(directory);
  const begun = new Map<Found | Names, Promise<Listing>>();
  const list = (folder: Found | Names): Promise<Listing> => {
    const listing = begun.get(folder) ?? lookInto(root, folder);
    listing.catch(() => {});
    return listing;
  };
  const pending: (Found | Names)[] = after ? await behind(root, after) : [mediaDirectory];
  try {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if ('kind' in next) yield next;
      if (!isFolder(next)) continue;
      const { found, notes, rest } = await list(next);
      begun.delete(next);
      for (const each of notes) note(each);
      if (rest) pending.push(rest);
      for (const entry of found.reverse()) pending.push(entry);
      for (const entry of pending.slice(-entriesAhead).reverse()) {
        if (begun.size >= foldersAhead) break;
        if (isFolder(entry) && !begun.has(entry)) begun.set(entry, list(entry));
      }
    }
  } finally {
    await Promise.allSettled(begun.values());
  }
}

const mediaDirectory: Found = { path: '', kind: 'directory', size: 0 };

function isFolder(entry: Found | Names): boolean {
  return 'names' in entry || entry.kind === 'directory';
}

/** What is left of a walk that came up to a path: of every folder on the way there, the names behind it. */
async function behind(root: Buffer, { path, kind }: ScanPosition): Promise<Names[]> {
  const left: Names[] = [];
  let folder = '';
  const rest = async (after: string) => {
    const names = await namesIn(join(root, fromLatin1(folder)), folder === '');
    left.push({ folder, names: names.filter((name) => name > after) });
  };
  for (const name of path === '' ? [] : path.split('/')) {
    await rest(name);
    folder = folder === '' ? name : `${folder}/${name}`;
  }
  if (kind === 'directory') await rest('');
  return left;
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

async function lookInto(root: Buffer, where: Found | Names): Promise<Listing> {
  const folder = 'names' in where ? where.folder : where.path;
  const names = 'names' in where ? where.names : await namesIn(join(root, fromLatin1(folder)), folder === '');
  const look = (name: string) => lookAt(root, folder === '' ? name : `${folder}/${name}`);
  const found: Found[] = [];
  const notes: Note[] = [];
  for await (const entry of inOrder(names.slice(0, namesAtOnce), width, look)) {
    if (entry === undefined) continue;
    if ('note' in entry) notes.push(entry);
    else found.push(entry);
  }
  const rest = names.length > namesAtOnce ? { folder, names: names.slice(namesAtOnce) } : undefined;
  return { found, notes, rest };
}

/** As latin1: a million names are far smaller as text than as Buffers. */
async function namesIn(folder: Buffer, atTop: boolean): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder, { encoding: 'latin1' });
  } catch (error) {
    // Gone since it was listed; what was in it is gone too. A root that goes away is another matter.
    const code = systemCode(error);
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !atTop) return [];
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
