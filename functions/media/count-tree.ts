import { lstat, readdir } from 'node:fs/promises';
import { z } from 'zod';
import { endless, type Lifetime } from '../run/lifetime.ts';
import type { Build } from './build.ts';
import { BoundedTasks, inOrder } from './concurrency.ts';
import { fromLatin1, join } from './path.ts';

export interface TreeCounts {
  readonly files: number;
  /** The media directory itself counts as one, as it does in a backup. */
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
}

const count = z.int().nonnegative();

/** A count that may be under way. */
export const TreeCount = z.object({
  files: count,
  directories: count,
  links: count,
  bytes: count,
  /** Folders that are still to be counted, relative to the tree, each byte of a name one character (latin1). */
  pending: z.array(z.string()),
});
export type TreeCount = z.infer<typeof TreeCount>;

export const nothingCounted: TreeCount = { files: 0, directories: 0, links: 0, bytes: 0, pending: [''] };

/** Entries looked at together in one folder, and folders at the same time: each look may be a round trip. */
const width = 16;
const folders = 8;

/** What was built, counted on disk: to be compared with the manifest before the switch-over. */
export async function countTree(build: Build): Promise<TreeCounts> {
  const { pending: _, ...counts } = await countSome(build, nothingCounted, endless);
  return counts;
}

/**
 * Counts on from where an earlier call ended, folder by folder, until nothing is pending or the lifetime is nearly over.
 * @param meet called with every file and link, by its path in the tree as latin1
 */
export async function countSome(
  build: Build,
  before: TreeCount,
  life: Lifetime,
  meet?: (path: string) => void,
): Promise<TreeCount> {
  const { pending: left, ...counts } = before;
  const pending = [...left];
  const tasks = new BoundedTasks(folders);
  const countFolder = async (folder: string) => {
    counts.directories += 1;
    const names = await readdir(join(build.tree, fromLatin1(folder)), { encoding: 'latin1' });
    const look = async (name: string) => {
      const path = folder === '' ? name : `${folder}/${name}`;
      return { path, facts: await lstat(join(build.tree, fromLatin1(path))) };
    };
    for await (const { path, facts } of inOrder(names, width, look)) {
      if (facts.isDirectory()) pending.push(path);
      else meet?.(path);
      if (facts.isDirectory()) continue;
      if (facts.isSymbolicLink()) counts.links += 1;
      else {
        counts.files += 1;
        counts.bytes += facts.size;
      }
    }
  };
  try {
    while (pending.length > 0) {
      for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
        const next = folder;
        await tasks.start(() => countFolder(next));
        if (life.isNearlyOver) break;
      }
      await tasks.finish();
      if (life.isNearlyOver) break;
    }
  } finally {
    await tasks.settle();
  }
  return { ...counts, pending };
}
