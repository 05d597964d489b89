import { lstatSync, renameSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { RunId } from '../run/run-id.ts';
import { buildOf } from './build.ts';
import { asNotWritable, systemCode } from './errors.ts';
import { readJournal } from './journal.ts';
import { join } from './path.ts';
import { byName } from './swap.ts';

/**
 * Makes ready what a switch-over moves, to be moved in one go without waiting in between: for the moment at which the
 * database changes as well. What needs more than a rename, or is not as the journal has it, is left to `swapForward`,
 * which has to follow in any case; `swapBack` undoes it from wherever it has come to.
 * @returns makes the moves; throws MediaNotWritable, and what else the file system throws
 */
export async function readySwap(media: string, runId: RunId): Promise<() => void> {
  const build = buildOf(media, runId);
  const journal = await readJournal(build);
  if (!journal) return () => {};
  await mkdir(build.previous, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw asNotWritable(error, build.media);
  });
  const entries = byName(journal).map(([name, { old, fresh }]) => ({
    here: join(build.media, name),
    gone: join(build.previous, name),
    waiting: join(build.tree, name),
    out: old !== undefined && old.lockedMode === undefined,
    in: fresh !== undefined && fresh.lockedMode === undefined,
    isNew: fresh !== undefined,
  }));
  return () => {
    try {
      for (const entry of entries) {
        const arrived = entry.isNew && !isThere(entry.waiting);
        if (entry.out && !arrived) move(entry.here, entry.gone);
        if (entry.in && !arrived) move(entry.waiting, entry.here);
      }
    } catch (error) {
      throw asNotWritable(error, build.media);
    }
  };
}

function isThere(path: Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function move(from: Buffer, to: Buffer): void {
  if (isThere(to)) return;
  try {
    renameSync(from, to);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
