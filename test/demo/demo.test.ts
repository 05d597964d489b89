import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

const demo = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  /** Where its servers keep everything. */
  readonly temporary: string;
  /** Where it is run. */
  readonly folder: string;
  /** Resolves when the text has been printed. */
  says(text: string): Promise<string>;
  readonly end: Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string }>;
}

async function start(args: readonly string[], environment: Record<string, string> = {}): Promise<Running> {
  const [temporary, folder] = [await freshFolder('demo-tmp'), await freshFolder('demo-cwd')];
  const child = spawn(process.execPath, [demo, ...args], {
    cwd: folder,
    env: { ...process.env, TMPDIR: temporary, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal, output }));
  const says = async (text: string) => {
    while (!output.includes(text)) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`never said ${text}: ${output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return output;
  };
  return { child, temporary, folder, says, end };
}

/** Servers end a moment after the process that wanted them. */
async function isEmptied(folder: string): Promise<boolean> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; ) {
    if ((await readdir(folder)).length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function expectProof(output: string): void {
  expect(output).not.toMatch(/^ {2}NO /m);
  expect(output).toMatch(/ok 228 tables hold the same rows/);
  expect(output).toMatch(/extras_objectchange is there and empty: its 1,800 rows stayed in production/);
}

test.each([
  ['SIGINT', 'A real Nautobot'],
  ['SIGTERM', 'nautobot-replicator'],
  ['SIGHUP', 'nautobot-replicator'],
] as const)('%s leaves nothing behind once it said "%s"', async (signal, moment) => {
  const { child, says, end, temporary } = await start([]);
  await says(moment);
  child.kill(signal);
  expect((await end).code).toBe(130);
  expect(await isEmptied(temporary)).toBe(true);
});

test('being killed while the servers start or work leaves nothing behind', async () => {
  for (const moment of ['nautobot-replicator', 'A real Nautobot']) {
    const { child, says, end, temporary } = await start([]);
    await says(moment);
    child.kill('SIGKILL');
    expect((await end).signal).toBe('SIGKILL');
    expect(await isEmptied(temporary)).toBe(true);
  }
});

test('the demo proves that staging is production, leaves nothing behind, and says what it leaves out without a Redis', async () => {
  const programs = await freshFolder('path');
  for (const name of ['id', 'mkdir', 'sh'])
    await symlink((await findProgram(name)) ?? name, join(programs, name));
  const { end, temporary, folder } = await start([], { PATH: programs });
  const { code, output } = await end;
  expectProof(output);
  expect(output).toMatch(/cache +left out: neither redis-server nor valkey-server is on the PATH/);
  expect(output).toMatch(/-- cache: left out/);
  expect(code).toBe(0);
  expect(await readdir(temporary)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

test('with --keep the servers stay up, and what is printed connects to them, until Ctrl-C', async () => {
  const { child, says, end, temporary, folder } = await start(['--keep']);
  const output = await says("A copy of the backup's files");
  expectProof(await says('media.tar.zst\n'));
  const [, url] = /staging +psql '([^']+)'/.exec(output) ?? [];
  const session = await (await openDatabase(url ?? '')).connect({ applicationName: 'test' });
  expect(await session.query('SELECT count(*)::int AS n FROM public.dcim_device')).toEqual([{ n: 30 }]);
  await session.end();
  const [backup] = await readdir(join(folder, '.replicator-demo'));
  expect((await readdir(join(folder, '.replicator-demo', backup ?? ''))).sort()).toEqual([
    'database.sql.zst',
    'manifest.json',
    'media.tar.zst',
    'schema.sql',
  ]);
  child.kill('SIGINT');
  expect((await end).code).toBe(130);
  expect(await isEmptied(temporary)).toBe(true);
});
