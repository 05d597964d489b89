import type { Stats } from 'node:fs';
import { access, constants, lstat, readdir, stat } from 'node:fs/promises';
import { inOrder } from './concurrency.ts';
import { MediaDirectoryMissing, MediaUnreadable, systemCode } from './errors.ts';
import { isOwnName, join, printable } from './path.ts';

export type MemberKind = 'file' | 'directory' | 'symlink';

/** What lies in a media directory. `path` is relative to it; empty for the directory itself. */
export interface Found {
  readonly path: Buffer;
  readonly kind: MemberKind;
  /** Bytes of a file's content, 0 for others. */
  readonly size: number;
}

export interface Note {
  readonly path: string;
  readonly note: string;
}

/** Entries looked at together: on network file systems each look is a round trip. */
const width = 16;

/**
 * Walks a media directory depth first, the entries of each folder in the order of their bytes: the directory itself
 * comes first, every folder before its contents. Links are reported, never followed.
 * @param note what is there but belongs into no archive: sockets, devices, pipes
 * @throws MediaDirectoryMissing, MediaUnreadable (at once, naming the first file or folder that can't be read)
 */
export async function* scanMedia(directory: string, note: (note: Note) => void): AsyncGenerator<Found> {
  const root = Buffer.from(directory);
  await mustBeDirectory(directory);
  yield { path: Buffer.alloc(0), kind: 'directory', size: 0 };
  const pending = (await lookInto(root, Buffer.alloc(0), note)).reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    if (next.kind !== 'directory') continue;
    const inside = await lookInto(root, next.path, note);
    for (const entry of inside.reverse()) pending.push(entry);
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

async function lookInto(root: Buffer, folder: Buffer, note: (note: Note) => void): Promise<Found[]> {
  const names = await namesIn(join(root, folder), folder.length === 0);
  const found: Found[] = [];
  const look = async (name: Buffer): Promise<Found | Note | undefined> => {
    const path = folder.length === 0 ? name : join(folder, name);
    return lookAt(root, path);
  };
  for await (const entry of inOrder(names, width, look)) {
    if (entry === undefined) continue;
    if ('note' in entry) note(entry);
    else found.push(entry);
  }
  return found;
}

async function namesIn(folder: Buffer, atTop: boolean): Promise<Buffer[]> {
  let names: Buffer[];
  try {
    names = await readdir(folder, { encoding: 'buffer' });
  } catch (error) {
    // Gone since it was listed; what was in it is gone too. A root that goes away is another matter.
    if (systemCode(error) === 'ENOENT' && !atTop) return [];
    throw unreadable(folder, error);
  }
  const wanted = atTop ? names.filter((name) => !isOwnName(name)) : names;
  return wanted.sort(Buffer.compare);
}

async function lookAt(root: Buffer, path: Buffer): Promise<Found | Note | undefined> {
  const full = join(root, path);
  try {
    const facts = await lstat(full);
    if (facts.isSymbolicLink()) return { path, kind: 'symlink', size: 0 };
    if (facts.isDirectory()) {
      if (isLostAndFound(path, facts)) return noteOn(path, "the file system's own folder, left out");
      return { path, kind: 'directory', size: 0 };
    }
    if (!facts.isFile()) return noteOn(path, `${describeKind(facts)}, left out`);
    await access(full, constants.R_OK);
    return { path, kind: 'file', size: facts.size };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unreadable(full, error);
  }
}

/** ext4 keeps recovered files in `lost+found` at the root of a volume: readable by root alone, and no media. */
export function isLostAndFound(path: Buffer, facts: Stats): boolean {
  return path.equals(Buffer.from('lost+found')) && facts.uid === 0 && (facts.mode & 0o077) === 0;
}

export function noteOn(path: Buffer, note: string): Note {
  return { path: printable(path), note };
}

function describeKind(facts: Stats): string {
  if (facts.isSocket()) return 'a socket';
  if (facts.isFIFO()) return 'a named pipe';
  if (facts.isBlockDevice() || facts.isCharacterDevice()) return 'a device';
  return 'neither file, folder nor link';
}
