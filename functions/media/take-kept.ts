import { readdir, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { type Build, buildOf, createFolder, createWorkFolders, keptJournalName } from './build.ts';
import { NothingKept, systemCode } from './errors.ts';
import { syncFolder, writeDurably } from './journal.ts';
import { join, printable } from './path.ts';
import { exists } from './swap.ts';

const Taken = z.object({ version: z.literal(1), from: RunId });

/**
 * Makes the entries that a restore has kept the tree of an undo, which then swaps it in as a restore would its own.
 * Until that swap begins `giveBack` undoes it. Repeatable.
 * @throws NothingKept
 */
export async function takeKept(media: string, from: RunId, undo: RunId): Promise<void> {
  const kept = buildOf(media, from);
  const isKept = await exists(kept.keptJournal);
  if (!isKept && (await takenFrom(buildOf(media, undo))) !== from)
    throw new NothingKept(
      `${printable(kept.previous)}: restore ${from} has kept no media in ${media}; check --media, or leave the media as they are with --without-media`,
    );
  const build = await createFolder(media, undo);
  // First what tells everybody whose entries these are
  await writeDurably(
    build,
    build.taken,
    JSON.stringify({ version: 1, from } satisfies z.infer<typeof Taken>),
  );
  await createWorkFolders(build);
  if (isKept) await rename(kept.previous, build.tree);
  await moveIfThere(join(build.tree, keptJournalName), build.takenJournal);
  await syncFolder(build.folder);
  await syncFolder(build.media);
}

/** Puts entries that nobody has begun to swap in back where `takeKept` found them; no undo's build: does nothing. */
export async function giveBack(build: Build): Promise<void> {
  const from = await takenFrom(build);
  if (from === undefined || !(await exists(build.tree))) return;
  const kept = buildOf(build.media, from);
  // A folder of that name is whole: nothing was taken yet
  if (await exists(kept.previous)) return;
  await moveIfThere(build.takenJournal, join(build.tree, keptJournalName));
  await rename(build.tree, kept.previous);
  await syncFolder(build.media);
}

/** Of an undo's build, the restore whose kept entries it brings back; undefined for all others. */
export async function takenFrom(build: Build): Promise<RunId | undefined> {
  try {
    return Taken.parse(JSON.parse(await readFile(build.taken, 'utf8'))).from;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Is this an undo's build, even one that had not come to writing down whose entries it takes? */
export async function isUndo(build: Build): Promise<boolean> {
  if (await exists(build.taken)) return true;
  if (!(await exists(build.folder))) return false;
  const draft = 'taken.json.draft';
  return (await readdir(build.folder)).every((name) => name === draft);
}

async function moveIfThere(from: Buffer, to: Buffer): Promise<void> {
  if (await exists(from)) await rename(from, to);
}
