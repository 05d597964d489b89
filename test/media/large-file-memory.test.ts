import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

const script = new URL('measure-memory.ts', import.meta.url).pathname;

async function measure(bytes: number): Promise<{ parts: number; same: boolean; grownBy: number }> {
  const [bucket, folder] = [await freshBucket(), await freshFolder('memory')];
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [script, bucket.uri(), folder, `${bytes}`],
      {
        env: { ...process.env, ...bucket.env },
      },
    );
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

it('a large file is backed up and restored in the memory that a small one takes', async () => {
  const small = await measure(100 * 1024 ** 2);
  const large = await measure(768 * 1024 ** 2 + 5);
  expect(small).toMatchObject({ parts: 2, same: true });
  expect(large).toMatchObject({ parts: 13, same: true });
  expect(large.grownBy - small.grownBy).toBeLessThan(200 * 1024 ** 2);
}, 120_000);
