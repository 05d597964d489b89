import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, test } from 'vitest';
import { listBackups } from '../../functions/archive/list-backups.ts';
import { verifyBackup } from '../../functions/archive/verify.ts';
import { silence } from '../../functions/run/progress.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { cli, startCli } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { leftInStore, sessionsLeft } from './what-is-left.ts';

let source: SmallNautobot;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await smallNautobot('killed_source');
});

const args = (store: string) => [
  ...['backup', '--source', source.database.url, '--store', store, '--media', source.media],
  ...['--jobs', '2', '--shard-size', '1MiB'],
];

/** Milliseconds from the start of the process: before the lock, in every phase, after the end. */
const moments = [350, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1450, 1600, 1800];

test('a backup killed at any moment is a whole backup or none, and the next one clears what it left', async () => {
  const bucket = await freshBucket();
  const uri = bucket.uri();
  const store = openStore(uri);
  for (const moment of moments) {
    const { child, ended } = startCli(args(uri));
    await sleep(moment);
    child.kill('SIGKILL');
    await ended;
    for (const id of await listBackups(store)) {
      const report = await verifyBackup(store, id, silence, new AbortController().signal);
      expect(report.problems, `killed after ${moment} ms`).toEqual([]);
    }
  }
  const before = await listBackups(store);
  const { code, stderr } = await cli(args(uri));
  expect(code, stderr).toBe(0);
  expect(await listBackups(store)).toHaveLength(before.length + 1);
  expect(await leftInStore(uri)).toEqual([]);
  expect(await sessionsLeft(source.database)).toEqual([]);
}, 120_000);

test('an id of a killed backup is unknown to verify and restore', async () => {
  const bucket = await freshBucket();
  const uri = bucket.uri();
  const { child, ended } = startCli(args(uri));
  const store = openStore(uri);
  let runs: string[] = [];
  while (runs.length === 0) {
    runs = await store.listFolders('runs/');
    await sleep(20);
  }
  child.kill('SIGKILL');
  await ended;
  for (const verb of [
    ['verify'],
    ['restore', '--target', source.database.url, '--allow-source', '--yes', '--backup'],
  ]) {
    const { code, stderr } = await cli([...verb, runs[0] ?? '', '--store', uri]);
    expect(stderr).toMatch(/BackupUnknown|NoBackupYet/);
    expect(code).toBe(2);
  }
});

test('Ctrl-C ends a backup with exit code 130 and leaves nothing', async () => {
  const bucket = await freshBucket();
  const uri = bucket.uri();
  const store = openStore(uri);
  const { child, ended } = startCli(args(uri));
  while ((await store.listFolders('locks/')).length === 0) await sleep(10);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect(stderr).toContain('Interrupted');
  expect(code).toBe(130);
  expect(await leftInStore(uri)).toEqual([]);
  expect(await sessionsLeft(source.database)).toEqual([]);
});

test('of two backups of one source at once one is refused, and the other is whole', async () => {
  const bucket = await freshBucket();
  const uri = bucket.uri();
  const results = await Promise.all([cli(args(uri)), cli(args(uri))]);
  expect(results.map(({ code }) => code).sort()).toEqual([0, 3]);
  expect(results.find(({ code }) => code === 3)?.stderr).toContain('RunInProgress');
  expect(await listBackups(openStore(uri))).toHaveLength(1);
  expect(await leftInStore(uri)).toEqual([]);
});
