import { lstat, readdir } from 'node:fs/promises';
import type { Build } from './build.ts';
import { BoundedTasks, inOrder } from './concurrency.ts';
import { fromLatin1, join, toLatin1 } from './path.ts';

export interface TreeCounts {
  readonly files: number;
  /** The media directory itself counts as one, as it does in a backup. */
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
}

/** Entries looked at together in one folder, and folders at the same time: each look may be a round trip. */
const width = 16;
const folders = 8;

/**
 * What was built, counted on disk: to be compared with the manifest before the switch-over.
 * @param meet called with every file and link, by its path in the tree as latin1
 */
export async function countTree(build: Build, meet?: (path: string) => void): Promise<TreeCounts> {
  const counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  const pending = [build.tree];
  const tasks = new BoundedTasks(folders);
  const countFolder = async (folder: Buffer) => {
    counts.directories += 1;
    const names = await readdir(folder, { encoding: 'latin1' });
    const look = async (name: string) => {
      const path = join(folder, fromLatin1(name));
      return { path, facts: await lstat(path) };
    };
    for await (const { path, facts } of inOrder(names, width, look)) {
      if (facts.isDirectory()) pending.push(path);
      else meet?.(toLatin1(path.subarray(build.tree.length + 1)));
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
      }
      await tasks.finish();
    }
  } finally {
    await tasks.settle();
  }
  return counts;
}
