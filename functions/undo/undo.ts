import { finishSwap, removeLeftover } from '../media/finish.ts';
import { isPrepared, prepareSwap, swapBack, swapForward } from '../media/swap.ts';
import { readySwap } from '../media/swap-at-once.ts';
import { takeKept } from '../media/take-kept.ts';
import type { Database } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { bringBack, undoNames } from '../target/bring-back.ts';
import type { Swapped } from '../target/swap-names.ts';
import { isSwitched, type Names, switchBack } from '../target/switch-over.ts';

export interface Undone extends Swapped {
  /** Name that the database has now that was in use before. */
  readonly kept: string;
  readonly notes: readonly string[];
}

/**
 * Brings the database, and with `media` the media, that were in use before a restore back into use, and keeps those that
 * are in use now: an undo can be undone. Database and media change at the same moment. What fails before is put back;
 * what is cut off is ended by the next undo or restore, which sees by the database in use whether it came through.
 */
export async function undo(
  target: Database,
  options: {
    readonly runId: RunId;
    readonly undoes: RunId;
    readonly media: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Undone> {
  const { runId, undoes, media, signal } = options;
  const names = undoNames(target.address.database, runId, undoes);
  try {
    const beforeCommit = media === undefined ? undefined : await readyKept(media, undoes, runId);
    const exchange = { undoes, media: media !== undefined, beforeCommit, signal };
    const swapped = await bringBack(target, names, exchange).catch(async (error) => {
      // The commit may have come through although its answer didn't
      if (await isSwitched(target, names).catch(() => false)) return { endedSessions: 0, awayMs: 0 };
      throw error;
    });
    const notes = media === undefined ? [] : await swapMedia(target, names, media);
    return { ...swapped, kept: names.previous, notes };
  } catch (error) {
    if (media !== undefined) await putBack(target, names, media).catch(() => {});
    throw error;
  }
}

async function readyKept(media: string, undoes: RunId, runId: RunId): Promise<() => void> {
  await takeKept(media, undoes, runId);
  await prepareSwap(media, runId);
  return readySwap(media, runId);
}

/** @returns what a person should know */
async function swapMedia(target: Database, names: Names, media: string): Promise<string[]> {
  const { runId } = names;
  let appeared: readonly string[];
  try {
    appeared = (await swapForward(media, runId)).appeared;
  } catch (error) {
    await swapBack(media, runId);
    await switchBack(target, names);
    throw error;
  }
  const notes = appeared.map((name) => `media: ${name} appeared during the undo and was put aside`);
  // In use by now: what can't be put away at a second try either is, by the next undo or restore
  const finish = () => finishSwap(media, runId, { keepPrevious: true });
  await finish()
    .catch(finish)
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      notes.push(`what the undo has worked with in ${media} could not be put away at once: ${why}`);
    });
  return notes;
}

/** What can't be put back now, because the server is gone say, the next undo or restore puts back. */
async function putBack(target: Database, names: Names, media: string): Promise<void> {
  if (await isSwitched(target, names)) return;
  if (await isPrepared(media, names.runId)) await swapBack(media, names.runId);
  await removeLeftover(media, names.runId);
}
