import { mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { RunId } from '../run/run-id.ts';
import { type Build, buildOf } from './build.ts';
import { MediaSwapPending } from './errors.ts';
import { readJournal, syncFolder } from './journal.ts';
import { printable } from './path.ts';
import { removeTree } from './remove-tree.ts';
import { mustBeDirectory } from './scan.ts';
import { exists, whereabouts } from './swap.ts';
import { giveBack } from './take-kept.ts';

/**
 * How far the restore of a run has come with its media:
 * - `building`: shards are or were being extracted; nothing in use was touched
 * - `prepared`: the journal is written, nothing is moved
 * - `swapping`: some entries are moved; goes on with `swapForward` or `swapBack`
 * - `swapped`: the new entries are in use, the old ones aside; `finishSwap` or `swapBack`
 * - `final`: the new entries are in use for good; what is left is rubbish (`removeLeftover`)
 * - `kept`: as `final`, with the old entries kept on purpose (`removePrevious`)
 */
export type LeftoverState = 'building' | 'prepared' | 'swapping' | 'swapped' | 'final' | 'kept';

export interface Leftover {
  readonly runId: RunId;
  readonly state: LeftoverState;
}

const ownFolder = /^\.replicator-(?:previous-)?(\d{8}T\d{6}Z-[0-9a-z]{6})$/;

/** What runs have left in a media directory, oldest first. @throws MediaDirectoryMissing */
export async function findLeftovers(media: string): Promise<Leftover[]> {
  await mustBeDirectory(media);
  const runIds = new Set<string>();
  for (const name of await readdir(media)) {
    const runId = ownFolder.exec(name)?.[1];
    if (runId !== undefined) runIds.add(runId);
  }
  const leftovers: Leftover[] = [];
  for (const id of [...runIds].sort()) {
    const runId = RunId.parse(id);
    leftovers.push({ runId, state: await stateOf(buildOf(media, runId)) });
  }
  return leftovers;
}

async function stateOf(build: Build): Promise<LeftoverState> {
  const journal = await readJournal(build);
  if (journal !== undefined) {
    const { moved, unmoved } = await whereabouts(build, journal);
    if (moved === 0) return 'prepared';
    return unmoved === 0 ? 'swapped' : 'swapping';
  }
  if (await exists(build.keptJournal)) return 'kept';
  return (await exists(build.previous)) ? 'final' : 'building';
}

/**
 * Ends a switch-over for good: one call, the removal (or with `keepPrevious` the move) of the journal, after which
 * there is no way back; then what was built and, unless kept, the old entries are removed. May be called again.
 * @throws MediaSwapPending when not everything is moved
 */
export async function finishSwap(
  media: string,
  runId: RunId,
  options: { readonly keepPrevious: boolean },
): Promise<void> {
  const build = buildOf(media, runId);
  const journal = await readJournal(build);
  if (journal !== undefined) {
    if ((await whereabouts(build, journal)).unmoved > 0) throw pending(build);
    await mkdir(build.previous, { recursive: true, mode: 0o700 });
    if (options.keepPrevious) {
      await rename(build.journal, build.keptJournal);
      await syncFolder(build.previous);
    } else {
      await unlink(build.journal);
    }
    await syncFolder(build.folder);
  }
  await removeLeftover(media, runId);
}

/**
 * Removes what a run has left and nobody needs: a build that is not in use, the remains of a finished switch-over.
 * Entries that an undo had taken from a restore's kept ones are given back to it.
 * Old entries that are kept on purpose stay. May be called again; nothing to remove is no error.
 * @throws MediaSwapPending when entries are moved and it is not decided whether forward or back
 */
export async function removeLeftover(media: string, runId: RunId): Promise<void> {
  const build = buildOf(media, runId);
  const state = await stateOf(build);
  if (state === 'swapping' || state === 'swapped') throw pending(build);
  if (state === 'prepared') {
    // Before the journal goes: without it, a folder of old entries would count as given up.
    if (await exists(build.previous)) await rmdir(build.previous);
    await unlink(build.journal);
    await syncFolder(build.folder);
  }
  if (state === 'final') await removeTree(build.previous);
  if (state === 'building' || state === 'prepared') await giveBack(build);
  await removeTree(build.folder);
}

/** Removes the old entries that a finished switch-over has kept; nothing to remove is no error. */
export async function removePrevious(media: string, runId: RunId): Promise<void> {
  const build = buildOf(media, runId);
  const state = await stateOf(build);
  if (state === 'kept') {
    // First what says that it is kept, so that an interrupted removal is never taken for a whole set of old entries.
    await unlink(build.keptJournal);
    await syncFolder(build.previous);
  }
  if (state === 'kept' || state === 'final') await removeTree(build.previous);
  else if (await exists(build.previous)) throw pending(build);
}

function pending(build: Build): MediaSwapPending {
  return new MediaSwapPending(
    `the switch-over in ${printable(build.folder)} is under way: finish or undo it first`,
  );
}
