import { lstat, readdir } from 'node:fs/promises';
import type { Build } from './build.ts';
import { join } from './path.ts';

export interface TreeCounts {
  readonly files: number;
  /** The media directory itself counts as one, as it does in a backup. */
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
}

/** What was built, counted on disk: to be compared with the manifest before the switch-over. */
export async function countTree(build: Build): Promise<TreeCounts> {
  let [files, directories, links, bytes] = [0, 0, 0, 0];
  const pending = [build.tree];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    directories += 1;
    for (const name of await readdir(folder, { encoding: 'buffer' })) {
      const path = join(folder, name);
      const facts = await lstat(path);
      if (facts.isDirectory()) pending.push(path);
      else if (facts.isSymbolicLink()) links += 1;
      else {
        files += 1;
        bytes += facts.size;
      }
    }
  }
  return { files, directories, links, bytes };
}
