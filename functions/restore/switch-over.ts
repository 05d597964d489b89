import { createBuild } from '../media/build.ts';
import { findLeftovers, finishSwap, removePrevious } from '../media/finish.ts';
import { isPrepared, prepareSwap, swapBack, swapForward } from '../media/swap.ts';
import { readySwap } from '../media/swap-at-once.ts';
import type { Database } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { dropEarlierDatabases } from '../target/previous.ts';
import type { Rebuild } from '../target/rebuild.ts';
import {
  dropPrevious,
  isSwitched,
  type SwitchedOver,
  switchBack,
  switchOver as switchDatabase,
} from '../target/switch-over.ts';

export interface SwitchOptions {
  readonly backupId: RunId;
  /** The directory whose entries are swapped; undefined: no media are restored. */
  readonly media: string | undefined;
  readonly keepPrevious: boolean;
  /** Remove what earlier restores have kept. */
  readonly dropPrevious: boolean;
  readonly signal: AbortSignal;
}

export interface SwitchedRestore extends SwitchedOver {
  readonly keptPrevious: boolean;
}

/**
 * Brings what was built into use: both databases renamed in one transaction, the entries of the media directory moved
 * right before it is committed, then the old ones dropped. Repeatable from wherever an earlier call has come to; what
 * fails before the end is undone. Once both are in use nothing fails any more: what could not be removed is a note,
 * and left to CleanUp.
 */
export async function switchOver(
  target: Database,
  rebuild: Rebuild,
  { backupId, media, keepPrevious, dropPrevious, signal }: SwitchOptions,
): Promise<SwitchedRestore> {
  // After a call that came through nothing may be made ready: the build is gone, and an empty one would come into use
  const again = await isSwitched(target, rebuild, signal);
  const beforeCommit = media === undefined || again ? undefined : await readyMedia(media, rebuild.runId);
  const switched = await switchDatabase(target, rebuild, {
    backupId,
    media: media !== undefined,
    beforeCommit,
    signal,
  }).catch(async (error) => {
    if (media !== undefined) await undoMedia(target, rebuild, media).catch(() => {});
    throw error;
  });
  const appeared = media === undefined ? [] : await swapMedia(target, rebuild, media);
  // Both are in use: an abort is too late
  const left = await clearAway(target, rebuild, media, keepPrevious);
  if (dropPrevious) left.push(...(await dropEarlier(target, rebuild, media)));
  return {
    ...switched,
    keptPrevious: keepPrevious,
    notes: [
      ...switched.notes,
      ...appeared.map((name) => `media: ${name} appeared during the switch-over and was put aside`),
      ...left,
    ],
  };
}

async function readyMedia(media: string, runId: RunId): Promise<() => void> {
  await createBuild(media, runId);
  await prepareSwap(media, runId);
  return readySwap(media, runId);
}

/** The commit may have come through although its answer didn't: then the next try, or CleanUp, goes on from there. */
async function undoMedia(target: Database, rebuild: Rebuild, media: string): Promise<void> {
  if (!(await isSwitched(target, rebuild))) await swapBack(media, rebuild.runId);
}

/** @returns names that appeared meanwhile */
async function swapMedia(target: Database, rebuild: Rebuild, media: string): Promise<readonly string[]> {
  const { runId } = rebuild;
  if (!(await isPrepared(media, runId))) return [];
  try {
    return (await swapForward(media, runId)).appeared;
  } catch (error) {
    await swapBack(media, runId);
    await switchBack(target, rebuild);
    throw error;
  }
}

/** @returns what is still there, in words */
async function clearAway(
  target: Database,
  rebuild: Rebuild,
  media: string | undefined,
  keepPrevious: boolean,
): Promise<string[]> {
  const notes: string[] = [];
  const attempt = (what: string, work: Promise<unknown>) =>
    work.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      notes.push(`${what} could not be removed at once, and is tried again at the run's end: ${why}`);
    });
  if (media !== undefined) await attempt('the old media', finishSwap(media, rebuild.runId, { keepPrevious }));
  if (!keepPrevious) await attempt(`the database "${rebuild.previous}"`, dropPrevious(target, rebuild));
  return notes;
}

/** Removes what earlier restores have kept. @returns what is still there, in words */
async function dropEarlier(target: Database, rebuild: Rebuild, media: string | undefined): Promise<string[]> {
  const left: string[] = [];
  const attempt = (what: string, work: Promise<unknown>) =>
    work.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      left.push(`${what} could not be removed: ${why}; replicator undo --drop all tries again`);
    });
  await attempt('what earlier restores have kept', dropEarlierDatabases(target, rebuild));
  if (media === undefined) return left;
  for (const { runId, state } of await findLeftovers(media).catch(() => []))
    if (state === 'kept' && runId !== rebuild.runId)
      await attempt(`media that run ${runId} has kept`, removePrevious(media, runId));
  return left;
}
