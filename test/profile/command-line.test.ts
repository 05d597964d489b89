import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { builtIn } from '../../functions/profile/find-profile.ts';
import { lambdaSurroundings } from '../../functions/run/lambda-surroundings.ts';
import { silence } from '../../functions/run/progress.ts';
import { cliInProcess } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

let source: FreshDatabase;
let target: FreshDatabase;
let store: string;
let wrong: string;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await freshDatabase({ template: 'nautobot_16' });
  target = await freshDatabase();
  store = (await freshBucket()).uri();
  wrong = join(await freshFolder('profile'), 'wrong.yaml');
  await writeFile(wrong, 'version: 1\nextends: nautobot\ntables: {extras_webhok: {rows: none}}\n');
});
afterAll(async () => {
  await source.drop();
  await target.drop();
});

test('replicator profile prints the built-in one, and says what is wrong with a file', async () => {
  const printed = await cliInProcess(['profile']);
  expect(printed).toMatchObject({ code: 0, stdout: builtIn.nautobot });
  const file = join(await freshFolder('profile'), 'broken.yaml');
  await writeFile(file, 'version: 1\ntables: {a: {row: none}}\n');
  const refused = await cliInProcess(['profile', file]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/broken\.yaml:2:\d+: tables\.a has no field "row"/);
});

test('a dry run of a backup holds the profile against the source', async () => {
  const dry = ['backup', '--source', source.url, '--store', store, '--dry-run', '--profile'];
  const fits = await cliInProcess([...dry, 'nautobot']);
  expect(fits).toMatchObject({ code: 0, stdout: expect.stringMatching(/ok +profile +nautobot fits/) });
  const misses = await cliInProcess([...dry, wrong]);
  expect(misses.code).toBe(2);
  expect(misses.stdout).toMatch(/refused +profile .*"extras_webhok" matches no table; is it extras_webhook/s);
});

test('a dry run of a restore holds the profile against the backup', async () => {
  const own = (await freshBucket()).uri();
  expect((await cliInProcess(['backup', '--source', source.url, '--store', own])).code).toBe(0);
  const dry = ['restore', '--store', own, '--target', target.url, '--yes', '--dry-run', '--profile'];
  const fits = await cliInProcess([...dry, 'nautobot']);
  expect(fits.stdout).toMatch(/ok +profile +every table, column and expression/);
  const misses = await cliInProcess([...dry, wrong]);
  expect(misses.code).toBe(2);
  expect(misses.stdout).toMatch(/refused +profile .*"extras_webhok" matches no table/s);
});

test('a replication with a profile that does not fit is refused before it reads anything', async () => {
  const refused = await cliInProcess([
    'replicate',
    '--source',
    source.url,
    '--target',
    target.url,
    '--store',
    store,
    '--yes',
    '--profile',
    wrong,
  ]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/wrong\.yaml:3:10: .*"extras_webhok" matches no table/);
  expect((await cliInProcess(['list', '--store', store, '--json'])).stdout).toMatch(/"backups": *\[\]/);
});

test('options that need a profile or a password say so', async () => {
  const restore = ['restore', '--target', target.url, '--store', store];
  const alone = await cliInProcess([...restore, '--keep-admin', 'admin']);
  expect(alone).toMatchObject({ code: 2, stderr: expect.stringMatching(/go with --profile/) });
  const silent = await cliInProcess([...restore, '--profile', 'nautobot', '--staging-admin', 'ops']);
  expect(silent).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/set REPLICATOR_STAGING_ADMIN_PASSWORD/),
  });
});

test('on Lambda the profile and its secrets come from the environment', async () => {
  const context = { getRemainingTimeInMillis: () => 900_000 };
  const invocation = { context, progress: silence, executionId: undefined };
  const found = await lambdaSurroundings(invocation, {
    REPLICATOR_BUCKET: 'bucket',
    REPLICATOR_PROFILE: 'staging.yaml',
    REPLICATOR_MASK_KEY: 'key',
    REPLICATOR_STAGING_ADMIN_PASSWORD: 'password',
    LAMBDA_TASK_ROOT: '/var/task',
  });
  const choice = { reference: 'staging.yaml', folder: '/var/task' };
  expect(found).toMatchObject({
    sourceProfile: choice,
    targetProfile: choice,
    maskKey: 'key',
    stagingAdminPassword: 'password',
  });
});
