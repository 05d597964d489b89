import { createBuild } from '../media/build.ts';
import { finishSwap } from '../media/finish.ts';
import { prepareSwap, swapBack, swapForward } from '../media/swap.ts';
import { readySwap } from '../media/swap-at-once.ts';
import type { Database } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
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
  readonly signal: AbortSignal;
}

export interface SwitchedRestore extends SwitchedOver {
  readonly keptPrevious: boolean;
  /** Entries of the media directory that went out and came in. */
  readonly media: { readonly out: number; readonly in: number } | null;
}

/**
 * Brings what was built into use: both databases renamed in one transaction, the entries of the media directory moved
 * right before it is committed, then the old ones dropped. Repeatable from wherever an earlier call has come to; what fails before the end is undone.
 */
export async function switchOver(
  target: Database,
  rebuild: Rebuild,
  { backupId, media, keepPrevious, signal }: SwitchOptions,
): Promise<SwitchedRestore> {
  const { runId } = rebuild;
  const beforeCommit = media === undefined ? undefined : await readyMedia(media, runId);
  const switched = await switchDatabase(target, rebuild, { backupId, beforeCommit, signal }).catch(
    async (error) => {
      // The commit may have come through although its answer didn't: then the next try goes on from there
      if (media !== undefined && !(await isSwitched(target, rebuild))) await swapBack(media, runId);
      throw error;
    },
  );
  const swapped = media === undefined ? null : await swapMedia(target, rebuild, media);
  // Both are in use: from here on nothing is undone, and an abort is too late
  if (media !== undefined) await finishSwap(media, runId, { keepPrevious });
  if (!keepPrevious) await dropPrevious(target, rebuild);
  const appeared = swapped?.appeared ?? [];
  return {
    ...switched,
    keptPrevious: keepPrevious,
    media: swapped && { out: swapped.out, in: swapped.in },
    notes: [
      ...switched.notes,
      ...appeared.map((name) => `media: ${name} appeared during the switch-over and was put aside`),
    ],
  };
}

async function readyMedia(media: string, runId: RunId): Promise<() => void> {
  await createBuild(media, runId);
  await prepareSwap(media, runId);
  return readySwap(media, runId);
}

async function swapMedia(target: Database, rebuild: Rebuild, media: string) {
  try {
    return await swapForward(media, rebuild.runId);
  } catch (error) {
    await swapBack(media, rebuild.runId);
    await switchBack(target, rebuild);
    throw error;
  }
}
