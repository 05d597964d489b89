import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { errorOf } from '../../functions/errors/replicator-error.ts';
import { onLambda } from '../../functions/handlers/on-lambda.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { environment } from '../../functions/run/environment-names.ts';
import { readFailure } from '../../functions/run/failure.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';

class Broken extends errorOf({ code: 'BrokenOnLambda', exitCode: 4, meaning: 'A test made it.' }) {}

const run = {
  id: '20261123T054300Z-k3f9qa',
  kind: 'backup',
  executionId: 'arn:aws:states:eu-central-1:111111111111:execution:Backup:x',
  startedAt: '2026-11-23T05:43:00.000Z',
  round: 1,
};

let bucket: Awaited<ReturnType<typeof freshBucket>>;
let lines: Record<string, unknown>[];

/** The environment that infra/ gives a function. */
function functionEnvironment(more: Record<string, string> = {}): void {
  const all = {
    ...bucket.env,
    [environment.bucket]: bucket.bucket,
    [environment.prefix]: 'nautobot/',
    ...more,
  };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
}

beforeEach(async () => {
  bucket = await freshBucket();
  lines = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(JSON.parse(String(text)));
    return true;
  });
  functionEnvironment();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  bucket.client.destroy();
});

const context = (ms: number) => ({ getRemainingTimeInMillis: () => ms });

test('a handler finds the store, the databases, the media and its execution from the environment', async () => {
  functionEnvironment({
    [environment.source]: 'postgres://reader@db.example:5433/nautobot',
    [environment.targetMedia]: '/mnt/target-media',
    [environment.cache]: 'rediss://cache.example:6379/1',
  });
  const handler: StateHandler = async (_, around) => ({
    store: around.store.uri('x'),
    source: around.source?.address,
    target: around.target ?? null,
    targetMedia: around.targetMedia,
    sourceMedia: around.sourceMedia ?? null,
    cache: around.cache,
    owner: around.owner,
    left: around.remainingMs(),
  });
  expect(await onLambda('Look', handler)({ run }, context(60_000))).toEqual({
    store: `s3://${bucket.bucket}/nautobot/x`,
    source: { host: 'db.example', port: 5433, database: 'nautobot', user: 'reader' },
    target: null,
    targetMedia: '/mnt/target-media',
    sourceMedia: null,
    cache: { kind: 'redis', url: 'rediss://cache.example:6379/1' },
    owner: { kind: 'execution', arn: run.executionId },
    left: 60_000,
  });
});

test('an error goes out as it is, by the name that Retry matches, and is left with the run', async () => {
  const thrown = new Broken('the shard is broken');
  const handler = onLambda('CopyShard', () => Promise.reject(thrown));
  await expect(handler({ run, shard: 7 }, context(60_000))).rejects.toBe(thrown);
  expect(thrown.name).toBe('BrokenOnLambda');
  const store = openStore(`s3://${bucket.bucket}/nautobot`);
  expect(await readFailure(store, { runId: run.id, round: 1 })).toMatchObject({
    error: 'BrokenOnLambda',
    message: 'the shard is broken',
    state: 'CopyShard',
  });
});

test('its end is one line of JSON with what was done', async () => {
  const handler = onLambda('CopyShard', async (_, { progress }) => {
    progress.advance({ bytes: 10, rows: 1 });
    progress.advance({ bytes: 5, rows: 2 });
    progress.warn('look here');
    return null;
  });
  await handler({ run, shard: 7 }, context(60_000));
  expect(lines).toMatchObject([
    { level: 'WARN', message: 'look here', handler: 'CopyShard', run: run.id, shard: 7 },
    { level: 'INFO', message: 'done', handler: 'CopyShard', bytes: 15, rows: 3, files: 0 },
  ]);
});

test('a handler is told before its time is over, and fails with a name that is retried', async () => {
  const handler = onLambda('LoadShard', async (_, { signal }) => {
    await sleep(30_000, null, { signal });
  });
  await expect(handler({ run }, context(10_050))).rejects.toMatchObject({ name: 'OutOfTime' });
});

test('a function without its environment says which variable is missing', async () => {
  vi.stubEnv(environment.bucket, '');
  await expect(onLambda('Begin', async () => null)({}, context(60_000))).rejects.toMatchObject({
    name: 'ConfigurationMissing',
    message: expect.stringContaining(environment.bucket),
  });
});

test('a password never reaches the log', async () => {
  functionEnvironment({ [environment.source]: 'postgres://reader:s3cr3t@db.example/nautobot' });
  const handler = onLambda('CopyShard', async (_, { source }) => {
    throw new Broken(`can't reach ${JSON.stringify(source?.address)}`);
  });
  await expect(handler({ run }, context(60_000))).rejects.toThrow(Broken);
  expect(JSON.stringify(lines)).not.toContain('s3cr3t');
});
