import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { differingPaths, readFolder } from '../../local/compare-folders.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';

test('two copies of the media are the same', async () => {
  const copies = [await mediaFixture('nautobot-3.1'), await mediaFixture('nautobot-3.1')];
  const [left, right] = await Promise.all(copies.map(readFolder));
  if (left === undefined || right === undefined) throw new TypeError('two folders are needed');
  expect(left.size).toBe(52 + 16);
  expect(differingPaths(left, right)).toEqual([]);
});

test('a byte, a mode, a missing folder, another link and a name that is not UTF-8 are differences', async () => {
  const folders = [await freshFolder(), await freshFolder()] as const;
  for (const folder of folders) {
    for (const name of ['same', 'byte', 'mode']) await writeFile(join(folder, name), 'abc', { mode: 0o644 });
    await mkdir(join(folder, 'empty'));
    await symlink('same', join(folder, 'link'));
  }
  const [, right] = folders;
  await writeFile(join(right, 'byte'), 'abd');
  await chmod(join(right, 'mode'), 0o600);
  await rm(join(right, 'empty'), { recursive: true });
  await rm(join(right, 'link'));
  await symlink('byte', join(right, 'link'));
  await writeFile(Buffer.concat([Buffer.from(`${right}/`), Buffer.from([0x66, 0xff])]), '');
  const [here, there] = await Promise.all(folders.map(readFolder));
  if (here === undefined || there === undefined) throw new TypeError('two folders are needed');
  expect(differingPaths(here, there)).toEqual(['byte', 'empty', 'f\u00ff', 'link', 'mode']);
});
