import { randomBytes } from 'node:crypto';
import { chmod, lstat, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Build } from './build.ts';
import { inOrder } from './concurrency.ts';
import { MediaDamaged } from './errors.ts';
import { giveTo, ownerFor } from './owner.ts';
import { fromLatin1, join, printable } from './path.ts';

/** Directories of one depth done together: each is several round trips on a network file system. */
const width = 16;

/** Mode and time of a directory of the archive, which would be undone by writing its contents. */
export const DirectoryAttributes = z.object({
  /** Relative, as latin1. */
  path: z.string(),
  mode: z.int(),
  /** Seconds since 1970. */
  mtime: z.number(),
});
export type DirectoryAttributes = z.infer<typeof DirectoryAttributes>;

/** Leaves a shard's directories for `finishDirectories`; a repeated shard replaces its own. */
export async function recordDirectories(
  build: Build,
  shard: number,
  directories: readonly DirectoryAttributes[],
): Promise<void> {
  const draft = join(build.incoming, `attributes-${shard}-${randomBytes(6).toString('hex')}`);
  await writeFile(draft, JSON.stringify(directories), { flush: true });
  await rename(draft, join(build.attributes, `${shard}.json`));
}

/**
 * Gives every directory its owner, mode and time, when all shards are there. Shards may hold contents of each other's
 * directories, and a read-only directory must not keep its own files out. May be called again.
 */
export async function finishDirectories(build: Build): Promise<void> {
  const owner = await ownerFor(build.media);
  const directories = (await recorded(build)).sort((a, b) => depth(a.path) - depth(b.path));
  // From the top, so that a second call gets below what the first one locked; then from the bottom.
  for (const level of Map.groupBy(directories, ({ path }) => depth(path)).values()) {
    const open = async ({ path, mode }: DirectoryAttributes) => {
      const full = join(build.tree, fromLatin1(path));
      const facts = await lstat(full);
      if (!facts.isDirectory())
        throw new MediaDamaged(`${printable(full)} should be a directory: restore again`);
      if ((mode & 0o700) !== 0o700) await chmod(full, mode | 0o700);
    };
    for await (const _ of inOrder(level, width, open));
  }
  const levels = Map.groupBy(directories.reverse(), ({ path }) => depth(path));
  for (const level of levels.values()) {
    const finish = async ({ path, mode, mtime }: DirectoryAttributes) => {
      const full = join(build.tree, fromLatin1(path));
      await giveTo(owner, full);
      await utimes(full, timeFor(mtime), timeFor(mtime));
      await chmod(full, mode);
    };
    for await (const _ of inOrder(level, width, finish));
  }
}

/** Node takes negative numbers for "now"; before 1970 a Date has to do, which knows milliseconds only. */
export function timeFor(seconds: number): number | Date {
  return seconds < 0 ? new Date(seconds * 1000) : seconds;
}

async function recorded(build: Build): Promise<DirectoryAttributes[]> {
  const all = new Map<string, DirectoryAttributes>();
  for (const name of await readdir(build.attributes)) {
    const text = await readFile(join(build.attributes, name), 'utf8');
    for (const entry of z.array(DirectoryAttributes).parse(JSON.parse(text))) all.set(entry.path, entry);
  }
  return [...all.values()];
}

function depth(path: string): number {
  return path.split('/').length;
}
