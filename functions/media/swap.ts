import { chmod, lstat, mkdir, rename } from 'node:fs/promises';
import type { RunId } from '../run/run-id.ts';
import { type Build, buildOf } from './build.ts';
import { MediaSwapUnprepared, systemCode } from './errors.ts';
import { type Journal, type JournalEntry, prepareJournal, readJournal, syncFolder } from './journal.ts';
import { fromLatin1, join, printable } from './path.ts';

/** The system calls that change what is in use; a parameter, so that tests can end the world at each of them. */
export interface SwapCalls {
  rename(from: Buffer, to: Buffer): Promise<void>;
  chmod(path: Buffer, mode: number): Promise<void>;
  mkdir(path: Buffer): Promise<void>;
}

const systemCalls: SwapCalls = {
  rename: (from, to) => rename(from, to),
  chmod: (path, mode) => chmod(path, mode),
  mkdir: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
};

export interface SwapResult {
  /** Entries that were in use and are not now. */
  readonly out: number;
  /** Entries that are in use now. */
  readonly in: number;
  /** Names that somebody made in the media directory during the switch-over and that had to be put aside. */
  readonly appeared: readonly string[];
}

/** Where each entry of a journal is; a switch-over may have ended between any two moves. */
export interface Whereabouts {
  /** Entries that are where they were before the switch-over. */
  readonly unmoved: number;
  readonly moved: number;
}

/**
 * Makes the built tree ready and writes the journal. From here on `swapForward` can't fail for lack of preparation.
 * @returns how many entries will be moved out and in
 */
export async function prepareSwap(media: string, runId: RunId): Promise<{ out: number; in: number }> {
  const build = buildOf(media, runId);
  const before = await readJournal(build);
  const anyMoved = before !== undefined && (await whereabouts(build, before)).moved > 0;
  const journal = await prepareJournal(build, anyMoved);
  return { out: journal.old.length, in: journal.new.length };
}

/** Is there a switch-over that can go forward or back? false: none was made ready, or it is over. */
export async function isPrepared(media: string, runId: RunId): Promise<boolean> {
  return (await readJournal(buildOf(media, runId))) !== undefined;
}

/**
 * Moves the old entries out and the new ones in, name by name. May be called again after a crash at any point, and
 * after `swapBack`.
 * @throws MediaSwapUnprepared; anything else leaves a state from which both directions work
 */
export async function swapForward(media: string, runId: RunId, calls = systemCalls): Promise<SwapResult> {
  const build = buildOf(media, runId);
  const journal = await mustHaveJournal(build);
  const appeared: string[] = [];
  await calls.mkdir(build.previous);
  for (const [name, { old, fresh }] of byName(journal)) {
    const here = join(build.media, name);
    const waiting = join(build.tree, name);
    const gone = join(build.previous, name);
    const arrived = fresh !== undefined && !(await exists(waiting));
    if (old !== undefined && !arrived) await moveUnlessThere(calls, here, gone, old);
    if (fresh === undefined) continue;
    if (!arrived && (await exists(here))) {
      await calls.mkdir(build.appeared);
      await calls.rename(here, join(build.appeared, name));
      appeared.push(printable(name));
    }
    await moveUnlessThere(calls, waiting, here, fresh);
  }
  await syncAll(build);
  return { out: journal.old.length, in: journal.new.length, appeared };
}

/**
 * Undoes `swapForward` from wherever it has come to: the old entries are in use again, the new ones in the tree.
 * May be called again after a crash at any point.
 */
export async function swapBack(media: string, runId: RunId, calls = systemCalls): Promise<SwapResult> {
  const build = buildOf(media, runId);
  const journal = await mustHaveJournal(build);
  const appeared: string[] = [];
  for (const [name, { old, fresh }] of byName(journal)) {
    const here = join(build.media, name);
    if (fresh !== undefined) await moveUnlessThere(calls, here, join(build.tree, name), fresh);
    const gone = join(build.previous, name);
    if (old !== undefined && (await exists(gone))) {
      if (await exists(here)) {
        await calls.mkdir(build.appeared);
        await calls.rename(here, join(build.appeared, name));
        appeared.push(printable(name));
      }
      await moveUnlessThere(calls, gone, here, old);
    } else if (old !== undefined) {
      await lockAgain(calls, here, old);
    }
    const aside = join(build.appeared, name);
    if (!(await exists(here)) && (await exists(aside))) await calls.rename(aside, here);
  }
  await syncAll(build);
  return { out: journal.new.length, in: journal.old.length, appeared };
}

/** Counts what a switch-over has moved so far. */
export async function whereabouts(build: Build, journal: Journal): Promise<Whereabouts> {
  let moved = 0;
  let unmoved = 0;
  for (const [name, { old, fresh }] of byName(journal)) {
    const arrived = fresh !== undefined && !(await exists(join(build.tree, name)));
    if (arrived) moved += 1;
    else if (fresh !== undefined) unmoved += 1;
    if (old === undefined) continue;
    if (await exists(join(build.previous, name))) moved += 1;
    else if (!arrived && (await exists(join(build.media, name)))) unmoved += 1;
  }
  return { moved, unmoved };
}

export interface Named {
  old?: JournalEntry;
  fresh?: JournalEntry;
}

/** Old and new of one name together: the time in which there is nothing of a name is that of two renames. */
export function byName(journal: Journal): [Buffer, Named][] {
  const names = new Map<string, Named>();
  for (const old of journal.old) names.set(old.name, { old });
  for (const fresh of journal.new) names.set(fresh.name, { ...names.get(fresh.name), fresh });
  return [...names].map(([name, named]) => [fromLatin1(name), named]);
}

async function moveUnlessThere(
  calls: SwapCalls,
  from: Buffer,
  to: Buffer,
  entry: JournalEntry,
): Promise<void> {
  if (!(await exists(to)) && (await exists(from))) {
    // A folder is written to when it changes its parent, because of its `..`.
    if (entry.lockedMode !== undefined) await calls.chmod(from, entry.lockedMode | 0o200);
    await calls.rename(from, to).catch(async (error: unknown) => {
      // A network file system that repeats a request may deny what its first answer would have confirmed.
      if (systemCode(error) !== 'ENOENT' || (await exists(from)) || !(await exists(to))) throw error;
    });
  }
  await lockAgain(calls, to, entry);
}

async function lockAgain(calls: SwapCalls, path: Buffer, entry: JournalEntry): Promise<void> {
  if (entry.lockedMode !== undefined && (await exists(path))) await calls.chmod(path, entry.lockedMode);
}

export async function exists(path: Buffer): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function mustHaveJournal(build: Build): Promise<Journal> {
  const journal = await readJournal(build);
  if (journal !== undefined) return journal;
  throw new MediaSwapUnprepared(
    `there is no journal ${printable(build.journal)}: the switch-over of media was not prepared, or is over`,
  );
}

async function syncAll(build: Build): Promise<void> {
  for (const folder of [build.media, build.tree, build.previous]) {
    if (await exists(folder)) await syncFolder(folder);
  }
}
