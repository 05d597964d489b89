import { spawnSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshFolder } from '../servers/fresh-folder.ts';

/**
 * A media directory with something in it that this user can't read. Root reads everything, but no path that is
 * longer than the system's limit.
 */
export async function unreadableMedia(): Promise<{ path: string; remove(): void }> {
  const path = await freshFolder('unreadable');
  await writeFile(join(path, 'logo.png'), 'a logo');
  if (process.getuid?.() === 0) deepTree(path);
  else {
    await mkdir(join(path, 'private'));
    await writeFile(join(path, 'private', 'key'), 'secret');
    await chmod(join(path, 'private', 'key'), 0o000);
  }
  return { path, remove: () => void spawnSync('rm', ['-rf', path]) };
}

function deepTree(path: string): void {
  const script = `for (let depth = 0; depth < 40; depth++) {
    const name = String(depth).padEnd(200, 'x');
    require('node:fs').mkdirSync(name);
    process.chdir(name);
  }`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: path, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the deep tree could not be made: ${stderr}`);
}
