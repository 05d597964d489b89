import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { fingerprintDatabase } from '../../local/compare-databases.ts';
import { readFolder } from '../../local/compare-folders.ts';
import { cli, startCli } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from './what-is-left.ts';

let source: SmallNautobot;
let uri: string;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await smallNautobot('restored', 5000);
  uri = (await freshBucket()).uri();
  const { code, stderr } = await cli([
    'backup',
    '--source',
    source.database.url,
    '--store',
    uri,
    '--media',
    source.media,
  ]);
  expect(code, stderr).toBe(0);
});

const args = (target: SmallNautobot) => [
  ...['restore', '--store', uri, '--target', target.database.url, '--media', target.media, '--yes'],
];

/** What is in use: rows, sequences and media, as two comparable texts. */
async function inUse({ database, media }: SmallNautobot): Promise<{ rows: string; files: string }> {
  const { tables, sequences } = await fingerprintDatabase(await openDatabase(database.url));
  const files = [...(await readFolder(media))].filter(
    ([path]) => path !== '.' && !path.startsWith('.replicator'),
  );
  return { rows: JSON.stringify([[...tables], [...sequences]]), files: JSON.stringify(files.sort()) };
}

const moments = [500, 700, 850, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900, 2100, 2400];

test('a restore killed at any moment leaves the target as it was or switched over, and the next one clears up', async () => {
  const target = await smallNautobot('killed_target', 10);
  const old = await inUse(target);
  const fresh = await inUse(source);
  for (const moment of moments) {
    const { child, ended } = startCli(args(target));
    await sleep(moment);
    child.kill('SIGKILL');
    await ended;
    const now = await inUse(target);
    const which = (part: 'rows' | 'files') =>
      now[part] === old[part] ? 'old' : now[part] === fresh[part] ? 'new' : 'neither';
    expect([which('rows'), which('files')], `killed after ${moment} ms`).toBeOneOf([
      ['old', 'old'],
      ['new', 'new'],
    ]);
  }
  const { code, stderr } = await cli(args(target));
  expect(code, stderr).toBe(0);
  expect(await inUse(target)).toEqual(fresh);
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await sessionsLeft(target.database)).toEqual([]);
  expect(await leftInStore(uri)).toEqual([]);
}, 180_000);

test('Ctrl-C ends a restore with exit code 130, the target as it was and nothing left', async () => {
  const target = await smallNautobot('stopped_target', 10);
  const old = await inUse(target);
  const { child, ended } = startCli(args(target));
  while ((await databasesLeft(target.database)).length === 0) await sleep(5);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('Interrupted');
  expect(code).toBe(130);
  expect(await inUse(target)).toEqual(old);
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await leftInStore(uri)).toEqual([]);
});

test('of two restores into one target at once one is refused with exit code 3 and does not disturb the other', async () => {
  const target = await smallNautobot('two_at_once', 10);
  const results = await Promise.all([cli(args(target)), cli(args(target))]);
  expect(results.map(({ code }) => code).sort(), results.map(({ stderr }) => stderr).join('\n')).toEqual([
    0, 3,
  ]);
  expect(results.find(({ code }) => code === 3)?.stderr).toContain('RunInProgress');
  expect(await inUse(target)).toEqual(await inUse(source));
  expect(await databasesLeft(target.database)).toEqual([]);
});
