import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, test } from 'vitest';
import { cli, startCli } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { type InUse, inUse } from './in-use.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { watchedRun } from './watched-run.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from './what-is-left.ts';

let uri: string;
let fresh: InUse;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  uri = (await freshBucket()).uri();
  const source = await smallNautobot('source', 2000);
  fresh = await inUse(source);
  await watchedRun({
    machine: 'backup',
    places: { source: source.database.url, store: uri, sourceMedia: source.media },
  });
});

async function expectNothingLeft(target: SmallNautobot): Promise<void> {
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await sessionsLeft(target.database)).toEqual([]);
  expect(await leftInStore(uri)).toEqual([]);
}

test.each([
  ['BuildIndexes', "UPDATE site SET id = 1 WHERE name LIKE '% 2'", /site_pkey|duplicate|unique/i],
  ['AddConstraints', 'DELETE FROM site', /device_site_id_fkey|foreign key/i],
])(
  'a restore that fails in %s, late, leaves the target as it was and nothing of its own',
  async (_state, statement, says) => {
    const target = await smallNautobot('failing', 10);
    const old = await inUse(target);
    const file = join(await freshFolder(), 'sanitize.sql');
    await writeFile(file, statement);
    const run = watchedRun({
      machine: 'restore',
      places: { target: target.database.url, store: uri, targetMedia: target.media, sanitizeSql: file },
    });
    await expect(run).rejects.toMatchObject({ message: expect.stringMatching(says), exitCode: 1 });
    expect(await inUse(target)).toEqual(old);
    await expectNothingLeft(target);
  },
);

test('a restore goes on when the server ends all of its sessions in the middle of the load', async () => {
  const target = await smallNautobot('cut_off', 10);
  let ended = 0;
  await watchedRun({
    machine: 'restore',
    places: { target: target.database.url, store: uri, targetMedia: target.media },
    watch: async (point) => {
      if (ended > 0 || !point.startsWith('sql COPY')) return;
      ended = 1;
      const session = await superuserSession();
      const rows = await session.query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname LIKE $1 || '%' AND application_name LIKE 'replicator:%'",
        [target.database.name],
      );
      ended = rows.length;
      await session.end();
    },
  });
  expect(ended).toBeGreaterThan(0);
  expect(await inUse(target)).toEqual(fresh);
  await expectNothingLeft(target);
});

test('a restore whose media directory can no longer be written leaves the target as it was, and the next one clears up', async () => {
  const target = await smallNautobot('locked', 10);
  const old = await inUse(target);
  const nobody = 65534;
  for (const path of ['', 'images', 'images/one.png', 'locked.txt'])
    await chown(join(target.media, path), nobody, nobody);
  const args = [
    ...['restore', '--store', uri, '--target', target.database.url, '--media', target.media, '--yes'],
  ];
  const { ended } = startCli(args, { uid: nobody });
  while ((await mediaLeft(target.media)).length === 0) await sleep(5);
  await chmod(target.media, 0o555);
  const { code, stderr } = await ended;
  expect(stderr).toMatch(/MediaNotWritable/);
  expect(code).toBe(2);
  expect(await databasesLeft(target.database)).toEqual([]);
  expect({ ...(await inUse(target)) }).toEqual(old);

  await chmod(target.media, 0o755);
  const next = await cli(args, { uid: nobody });
  expect(next.code, next.stderr).toBe(0);
  expect(await inUse(target)).toEqual(fresh);
  await expectNothingLeft(target);
});
