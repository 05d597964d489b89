import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';

/** By path below the folder: `directory 0755`, `file 0644 <size> <SHA-256>`, `link -> <target>`, or `other`. */
export type FolderContent = ReadonlyMap<string, string>;

/**
 * Reads everything in a folder, the folder itself as `.`. Paths and link targets are Latin-1 text of the bytes that the
 * file system holds, so names that aren't UTF-8 can be compared as well.
 */
export async function readFolder(folder: string): Promise<FolderContent> {
  const content = new Map<string, string>();
  await readInto(content, Buffer.from(folder), '');
  return content;
}

/** Paths whose content, kind or mode differs, and those that are on one side only. */
export function differingPaths(left: FolderContent, right: FolderContent): string[] {
  const paths = new Set([...left.keys(), ...right.keys()]);
  return [...paths].filter((path) => left.get(path) !== right.get(path)).sort();
}

async function readInto(content: Map<string, string>, path: Buffer, name: string): Promise<void> {
  const facts = await lstat(path);
  const mode = (facts.mode & 0o7777).toString(8).padStart(4, '0');
  const key = name === '' ? '.' : name;
  if (facts.isDirectory()) {
    content.set(key, `directory ${mode}`);
    for (const child of await readdir(path, { encoding: 'buffer' })) {
      const below = Buffer.concat([path, Buffer.from('/'), child]);
      await readInto(
        content,
        below,
        name === '' ? child.toString('latin1') : `${name}/${child.toString('latin1')}`,
      );
    }
  } else if (facts.isFile()) {
    const hash = createHash('sha256');
    for await (const slice of createReadStream(path)) hash.update(slice as Buffer);
    content.set(key, `file ${mode} ${facts.size} ${hash.digest('hex')}`);
  } else if (facts.isSymbolicLink()) {
    content.set(key, `link -> ${(await readlink(path, { encoding: 'buffer' })).toString('latin1')}`);
  } else content.set(key, 'other');
}
