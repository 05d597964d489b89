import { chmod, lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { systemCode } from './errors.ts';
import { join } from './path.ts';

/**
 * Removes a file or a folder with all that is in it; what is gone already is no error. Folders that their owner may
 * not write to are opened up first. Links are removed, never followed.
 */
export async function removeTree(path: Buffer): Promise<void> {
  try {
    const facts = await lstat(path);
    if (!facts.isDirectory()) return await unlink(path);
    if ((facts.mode & 0o700) !== 0o700) await chmod(path, facts.mode | 0o700);
    for (const name of await readdir(path, { encoding: 'buffer' })) await removeTree(join(path, name));
    await rmdir(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
