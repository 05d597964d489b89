import { lstat, open, readdir, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { finishDirectories } from './attributes.ts';
import type { Build } from './build.ts';
import { MediaSwapUnprepared, systemCode } from './errors.ts';
import { join, printable, toLatin1 } from './path.ts';
import { entriesOf } from './target.ts';

/** One name at the top of the media directory. */
export const JournalEntry = z.object({
  /** As latin1. */
  name: z.string().min(1),
  /** The mode of a folder that its owner may not write to: it has to be opened up to be moved. */
  lockedMode: z.int().optional(),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

/** What a switch-over moves; it is on disk before the first move, and gone or moved when the switch-over is final. */
export const Journal = z.object({
  version: z.literal(1),
  runId: RunId,
  /** Entries in use before. */
  old: z.array(JournalEntry),
  /** Entries of the new tree. */
  new: z.array(JournalEntry),
});
export type Journal = z.infer<typeof Journal>;

/**
 * Finishes the new tree and writes down what the switch-over will move. May be called again until something is moved;
 * after that it leaves the journal as it is.
 */
export async function prepareJournal(build: Build, anyMoved: boolean): Promise<Journal> {
  const before = await readJournal(build);
  if (before !== undefined && anyMoved) return before;
  const fresh = await readdir(build.tree, { encoding: 'buffer' }).catch((error: unknown) => {
    throw new MediaSwapUnprepared(`there is no new media in ${printable(build.folder)}`, { cause: error });
  });
  await finishDirectories(build);
  const journal: Journal = {
    version: 1,
    runId: build.runId,
    old: await entries(build.media, await entriesOf(build.media)),
    new: await entries(build.tree, fresh.sort(Buffer.compare)),
  };
  await writeDurably(build, build.journal, JSON.stringify(journal));
  return journal;
}

/** undefined when there is none. @throws MediaSwapUnprepared when it can't be read */
export async function readJournal(build: Build): Promise<Journal | undefined> {
  let text: string;
  try {
    text = await readFile(build.journal, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return Journal.parse(JSON.parse(text));
  } catch (error) {
    throw new MediaSwapUnprepared(`the journal ${printable(build.journal)} is not one of this program`, {
      cause: error,
    });
  }
}

async function entries(folder: Buffer, names: readonly Buffer[]): Promise<JournalEntry[]> {
  const result: JournalEntry[] = [];
  for (const name of names) {
    const facts = await lstat(join(folder, name));
    const locked = facts.isDirectory() && (facts.mode & 0o200) === 0;
    result.push({ name: toLatin1(name), ...(locked && { lockedMode: facts.mode & 0o7777 }) });
  }
  return result;
}

/** Writes a file of the build's own folder: it is there whole and for good, or not at all. */
export async function writeDurably(build: Build, path: Buffer, text: string): Promise<void> {
  const draft = Buffer.concat([path, Buffer.from('.draft')]);
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  await syncFolder(build.folder);
}

/** Makes renames in a folder survive a power cut, where the file system knows how. */
export async function syncFolder(folder: Buffer): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (systemCode(error) !== 'EINVAL' && systemCode(error) !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}
