import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { metricNamespace } from '../../functions/run/metric-names.ts';
import { compareDatabases } from '../../local/compare-databases.ts';
import { differingPaths, readFolder } from '../../local/compare-folders.ts';
import { type Definition, readDefinition } from '../../local/definition.ts';
import { taskOf } from '../../local/task.ts';
import { type SmallNautobot, smallNautobot } from '../faults/small-nautobot.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from '../faults/what-is-left.ts';
import { cacheUrl, type Deployment, deploy } from './deployment.ts';
import { unneeded } from './unneeded-rights.ts';

/** Many processes start; a busy machine takes minutes. */
vi.setConfig({ testTimeout: 300_000 });

let deployment: Deployment;
let source: SmallNautobot;
let target: SmallNautobot;

beforeAll(async () => {
  deployment = await deploy();
  [source, target] = await Promise.all([smallNautobot('source'), smallNautobot('target')]);
  await deployment.use(source, target);
}, 300_000);
afterAll(async () => {
  await deployment.stop();
  for (const { database } of [source, target]) await database.drop();
});

const jobs = { jobs: 2 };
const production = 'NautobotReplicator';
const staging = `${production}-staging`;

/** Is the target what the source is? */
async function expectReplicated(): Promise<void> {
  const { tables, sequences, sameRows } = await compareDatabases(
    await openDatabase(source.database.url),
    await openDatabase(target.database.url),
  );
  expect({ tables, sequences }).toEqual({ tables: [], sequences: [] });
  expect(sameRows).toBeGreaterThan(20_000);
  expect(differingPaths(await readFolder(source.media), await readFolder(target.media))).toEqual([]);
}

/**
 * A function that is running can't be called back: one that goes on while its run is cleaned up may still leave why it
 * failed then. The bucket's lifecycle removes it.
 */
const lateFailure = /^runs\/[^/]+\/round-\d\/failure(-retried)?\.json$/;

/** After a run that failed nothing of it is there. */
async function expectNothingLeft(): Promise<void> {
  for (const [name, value] of Object.entries(deployment.upstream)) vi.stubEnv(name, value);
  const left = await leftInStore(deployment.storeUri);
  expect(left.filter((key) => !key.startsWith('reports/') && !lateFailure.test(key))).toEqual([]);
  vi.unstubAllEnvs();
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  for (const { database } of [source, target]) expect(await sessionsLeft(database)).toEqual([]);
}

test('Replicate runs on the assets as Lambda would start them, by the rights of their roles alone', async () => {
  const invalidateCache = deployment.redis !== undefined;
  const redis = new Redis(cacheUrl(deployment.redis), { lazyConnect: true });
  if (invalidateCache) await redis.set(':1:nautobot', 'stale');
  await deployment.run('replicate', {
    backup: { ...jobs, invalidateCache },
    restore: { ...jobs, invalidateCache },
  });
  await expectReplicated();
  expect(deployment.permissions.refused).toEqual([]);
  if (invalidateCache) expect(await redis.keys('*')).toEqual([]);
  redis.disconnect();
});

test('instances are started cold once and used again', () => {
  const { lambda } = deployment;
  expect(lambda.starts.get(`${production}-CopyShard`)).toBeLessThanOrEqual(jobs.jobs);
  expect(lambda.invocations).toBeGreaterThan([...lambda.starts.values()].reduce((sum, one) => sum + one, 0));
});

test('every line that functions write is JSON and says for whom', () => {
  const { log, strayOutput } = deployment.lambda;
  expect(strayOutput).toEqual([]);
  const told = log.filter(({ line }) => !('_aws' in line));
  expect(told.length).toBeGreaterThan(20);
  for (const { name, line } of told)
    expect(line).toMatchObject({
      state: name.split('-').at(-1),
      ...(line.run === undefined && { execution: expect.stringMatching(/^arn:aws:states:/) }),
      attempt: line.function_request_id,
      cold_start: expect.any(Boolean),
      function_name: name,
    });
});

test('what alarms look for is measured', () => {
  const measured = new Map<string, unknown>();
  for (const { line } of deployment.lambda.log) {
    const emf = line._aws as
      | { CloudWatchMetrics: { Namespace: string; Metrics: { Name: string }[] }[] }
      | undefined;
    for (const { Namespace, Metrics } of emf?.CloudWatchMetrics ?? [])
      for (const { Name } of Metrics) measured.set(`${Namespace} ${Name}`, line[Name]);
  }
  const seen = (name: string) => measured.get(`${metricNamespace} ${name}`);
  for (const name of [
    'BytesCopied',
    'RowsLoaded',
    'MediaBytesArchived',
    'MediaFilesExtracted',
    'BackupSeconds',
  ])
    expect(seen(name)).toBeGreaterThan(0);
  expect([seen('BackupsSealed'), seen('RestoresDone')]).toEqual([1, 1]);
  expect(seen('SnapshotAgeSeconds')).toBeGreaterThanOrEqual(0);
});

test('traces show every invocation and its requests, and nothing secret', () => {
  const { segments } = deployment.daemon;
  const copies = segments.filter(({ name }) => name === '## CopyShard');
  expect(copies[0]?.annotations).toMatchObject({ state: 'CopyShard', shard: expect.any(Number) });
  const below = segments.filter(({ parent_id }) => copies.some(({ id }) => id === parent_id));
  expect(new Set(below.map(({ name }) => name))).toContain('S3');
  const everything = JSON.stringify([segments, deployment.lambda.log]);
  for (const secret of deployment.secretTexts()) expect(everything).not.toContain(secret);
});

test('a backup whose worker may not write fails by name, is cleaned up, and a lock is free again', async () => {
  const { permissions, bucket } = deployment;
  const Resource = `arn:aws:s3:::${bucket}/nautobot/runs/*/shards/*`;
  permissions.restrict(`${production}-CopyShard`, { Effect: 'Deny', Action: 's3:PutObject', Resource });
  const failed = await deployment.run('backup', jobs).catch((error: Error) => error);
  permissions.restrict(`${production}-CopyShard`);
  permissions.refused.length = 0;
  expect(failed).toMatchObject({ name: 'StoreAccessDenied' });
  await expectNothingLeft();
});

/** States that run a handler and catch its errors; those that are asked for by an option, or by a target's media, are not entered here. */
const unasked = ['AddMediaObjects', 'SettleMediaObjects', 'DrainBroker', 'AfterRestore'];
const caught = (machine: 'backup' | 'restore') => {
  const inside = (definition: Definition): string[] =>
    Object.entries(definition.States).flatMap(([name, state]) => [
      ...(state.Type === 'Task' && taskOf(name, state).kind === 'handler' ? [name] : []),
      ...(state.Branches ?? []).flatMap(inside),
      ...(state.ItemProcessor ? inside(state.ItemProcessor) : []),
    ]);
  // Begin refuses inputs; what comes after a failure, or tells of an end, has no failure path of its own
  const others = /^(Begin|ReadFailure|ReleaseLostSnapshot|Announce\w+)$/;
  return inside(readDefinition(machine)).filter((name) => !others.test(name) && !unasked.includes(name));
};
const failing = [
  ...caught('backup').map((state) => ['backup', state, `${production}-${state}`] as const),
  ...caught('restore').map((state) => ['restore', state, `${staging}-${state}`] as const),
];

test.each(failing)(
  'a %s whose %s is refused by AWS fails by name, and nothing of it is left',
  async (...at) => {
    const [machine, state, name] = at;
    const { permissions } = deployment;
    permissions.restrict(name, { Effect: 'Deny', Action: '*', Resource: '*' });
    const before = await readFolder(target.media);
    const invalidateCache = deployment.redis !== undefined;
    const failed = await deployment.run(machine, { ...jobs, invalidateCache }).catch((error: Error) => error);
    permissions.restrict(name);
    const refused = permissions.refused.splice(0);
    if (state === 'InvalidateCache' && !invalidateCache) return expect(failed).not.toBeInstanceOf(Error);
    expect(refused.length).toBeGreaterThan(0);
    expect(failed).toMatchObject({ name: expect.stringMatching(/^(StoreAccessDenied|SecretUnusable)$/) });
    await expectNothingLeft();
    expect(differingPaths(before, await readFolder(target.media))).toEqual([]);
  },
);

test('a worker whose process dies is tried again, and fails the run when it always does', async () => {
  deployment.lambda.faults.set(`${production}-CopyShard`, 'dies');
  const failed = await deployment.run('backup', jobs).catch((error: Error) => error);
  deployment.lambda.faults.clear();
  expect(failed).toMatchObject({ name: 'Runtime.ExitError' });
  await expectNothingLeft();
});

test('a restore that runs out of time leaves the target as it was', async () => {
  const before = await readFolder(target.media);
  deployment.lambda.faults.set(`${staging}-BuildIndexes`, 'hangs');
  deployment.lambda.seconds.set(`${staging}-BuildIndexes`, 1);
  const failed = await deployment.run('restore', jobs).catch((error: Error) => error);
  deployment.lambda.faults.clear();
  deployment.lambda.seconds.clear();
  expect(failed).toMatchObject({ name: 'Sandbox.Timedout' });
  await expectNothingLeft();
  expect(differingPaths(before, await readFolder(target.media))).toEqual([]);
  await expectReplicated();
});

test('a keeper that dies costs a round: the backup starts over and is sealed', async () => {
  const { lambda, permissions } = deployment;
  const before = lambda.log.length;
  let killed = false;
  await deployment.run('backup', jobs, ({ type, state }) => {
    if (type !== 'entered' || state !== 'DumpSchema' || killed) return;
    killed = true;
    lambda.kill(`${production}-KeepSnapshot`);
  });
  const since = lambda.log.slice(before).map(({ line }) => line);
  expect(since.map(({ error }) => error)).toContain('SnapshotLost');
  expect(since.filter(({ state, message }) => state === 'SealBackup' && message === 'done')).toHaveLength(1);
  expect(permissions.refused).toEqual([]);
  await expectNothingLeft();
});

test('a run that nobody could clean up after is cleaned up after by the next one', async () => {
  const { lambda } = deployment;
  for (const handler of ['CopyShard', 'CleanUp']) lambda.faults.set(`${production}-${handler}`, 'dies');
  const failed = await deployment.run('backup', jobs).catch((error: Error) => error);
  lambda.faults.clear();
  expect(failed).toBeInstanceOf(Error);
  await deployment.run('backup', jobs);
  await expectNothingLeft();
  expect(deployment.permissions.refused).toEqual([]);
});

test('no handler may do more than one of these runs has needed, but for what is listed with its reason', () => {
  const unused = deployment.permissions.unused(['s3', 'kms', 'secretsmanager', 'states']);
  const unexplained = unused.filter((right) => !unneeded.some(({ rights }) => rights.test(right)));
  expect(unexplained).toEqual([]);
  // A reason that explains nothing any more
  expect(unneeded.filter(({ rights }) => !unused.some((right) => rights.test(right)))).toEqual([]);
});
