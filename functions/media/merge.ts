import {
  access,
  constants,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { type Build, buildOf } from './build.ts';
import { MediaInTheWay, MediaNotWritable, systemCode } from './errors.ts';
import { syncFolder, writeDurably } from './journal.ts';
import { giveTo, ownerFor } from './owner.ts';
import { fromLatin1, join, printable } from './path.ts';

/** What takes the place of single files in a directory that stays in use. It is on disk before the first move. */
const MergeJournal = z.object({
  version: z.literal(1),
  runId: RunId,
  /** As latin1, in the order in which they are moved. */
  files: z.array(z.object({ path: z.string().min(1), replaces: z.boolean() })),
  /** Folders that are not there yet, outer ones first. */
  folders: z.array(z.string().min(1)),
});
type MergeJournal = z.infer<typeof MergeJournal>;

export interface Merged {
  readonly replaced: number;
  readonly added: number;
}

const journalName = 'merge.json';
const asideName = 'replaced';

/**
 * Puts the files of a build in the place of those of their names in the media directory, or beside the others; nothing
 * else is touched, and every name is a whole file, the old one or the new one, at any moment. When one can't be moved,
 * those that were are moved back. What ends in the middle is finished by `settleMerge`.
 * @throws MediaInTheWay, MediaNotWritable before anything is moved
 */
export async function mergeTree(media: string, runId: RunId): Promise<Merged> {
  const build = buildOf(media, runId);
  const journal = await prepare(build);
  try {
    await moveIn(build, journal);
  } catch (error) {
    await moveBack(build, journal);
    await forget(build);
    throw error;
  }
  await forget(build);
  const replaced = journal.files.filter(({ replaces }) => replaces).length;
  return { replaced, added: journal.files.length - replaced };
}

/** Finishes a merge that ended in the middle; none, or one that hadn't begun, is left to who removes the build. */
export async function settleMerge(media: string, runId: RunId): Promise<void> {
  const build = buildOf(media, runId);
  const journal = await readMerge(build);
  if (!journal) return;
  await moveIn(build, journal);
  await forget(build);
}

async function prepare(build: Build): Promise<MergeJournal> {
  const known = await readMerge(build);
  if (known) return known;
  const files: MergeJournal['files'] = [];
  const folders = new Set<string>();
  for (const path of await filesIn(build.tree)) {
    for (const folder of await missingFolders(build, path)) folders.add(folder);
    files.push({ path, replaces: await isReplaced(build, path) });
  }
  const journal: MergeJournal = { version: 1, runId: build.runId, files, folders: [...folders] };
  await writeDurably(build, join(build.folder, journalName), JSON.stringify(journal));
  return journal;
}

/** Files and links below a tree, as latin1. */
async function filesIn(tree: Buffer): Promise<string[]> {
  const found: string[] = [];
  const pending = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = await readdir(join(tree, fromLatin1(folder)), {
      encoding: 'latin1',
      withFileTypes: true,
    });
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      else found.push(path);
    }
  }
  return found.sort();
}

/** Folders above a file that are to be made; what is there must be a folder, and no link to one. */
async function missingFolders(build: Build, path: string): Promise<string[]> {
  const names = path.split('/').slice(0, -1);
  const missing: string[] = [];
  let last = build.media;
  for (let length = 1; length <= names.length; length++) {
    const folder = names.slice(0, length).join('/');
    const full = join(build.media, fromLatin1(folder));
    const facts = missing.length > 0 ? undefined : await lookAt(full);
    if (facts === undefined) missing.push(folder);
    else if (!facts.isDirectory())
      throw new MediaInTheWay(
        `${printable(full)} is no folder, and ${printable(fromLatin1(path))} of the backup is to go below it; nothing was changed`,
      );
    else last = full;
  }
  await access(last, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw new MediaNotWritable(`${printable(last)} can't be written to; nothing was changed`, { cause });
  });
  return missing;
}

async function isReplaced(build: Build, path: string): Promise<boolean> {
  const live = join(build.media, fromLatin1(path));
  const facts = await lookAt(live);
  if (facts?.isDirectory())
    throw new MediaInTheWay(`${printable(live)} is a folder, and in the backup a file; nothing was changed`);
  return facts !== undefined;
}

async function lookAt(path: Buffer) {
  return lstat(path).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  });
}

async function exists(path: Buffer): Promise<boolean> {
  return (await lookAt(path)) !== undefined;
}

/** Repeatable at every point: what is in place is gone from the tree. */
async function moveIn(build: Build, { files, folders }: MergeJournal): Promise<void> {
  const owner = await ownerFor(build.media);
  for (const folder of folders) {
    const full = join(build.media, fromLatin1(folder));
    if (await makeFolder(full)) await giveTo(owner, full);
  }
  for (const { path, replaces } of files) {
    const fresh = join(build.tree, fromLatin1(path));
    if (!(await exists(fresh))) continue;
    const live = join(build.media, fromLatin1(path));
    if (replaces) await keepAside(build, path, live);
    await rename(fresh, live);
  }
}

async function makeFolder(full: Buffer): Promise<boolean> {
  try {
    await mkdir(full, { mode: 0o755 });
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** A second name for the old file, so that its own name never goes away; where there are no hard links, it is moved. */
async function keepAside(build: Build, path: string, live: Buffer): Promise<void> {
  const aside = join(build.folder, fromLatin1(`${asideName}/${path}`));
  if (await exists(aside)) return;
  await mkdir(aside.subarray(0, aside.lastIndexOf('/')), { recursive: true, mode: 0o700 });
  try {
    await link(live, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    await rename(live, aside);
  }
}

async function moveBack(build: Build, { files, folders }: MergeJournal): Promise<void> {
  for (const { path } of files.toReversed()) {
    const live = join(build.media, fromLatin1(path));
    const aside = join(build.folder, fromLatin1(`${asideName}/${path}`));
    if (await exists(aside)) await rename(aside, live);
    else if (!(await exists(join(build.tree, fromLatin1(path))))) await unlink(live);
  }
  // A folder that somebody has put something into meanwhile stays
  for (const folder of folders.toReversed())
    await rmdir(join(build.media, fromLatin1(folder))).catch(() => {});
}

async function forget(build: Build): Promise<void> {
  await syncFolder(build.media);
  await unlink(join(build.folder, journalName));
  await syncFolder(build.folder);
}

async function readMerge(build: Build): Promise<MergeJournal | undefined> {
  try {
    return MergeJournal.parse(JSON.parse(await readFile(join(build.folder, journalName), 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
