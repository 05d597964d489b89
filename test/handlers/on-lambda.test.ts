import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { errorOf } from '../../functions/errors/replicator-error.ts';
import { onLambda } from '../../functions/handlers/on-lambda.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { environment } from '../../functions/run/environment-names.ts';
import { readFailure } from '../../functions/run/failure.ts';
import { metricNamespace } from '../../functions/run/metric-names.ts';
import { SnapshotLost } from '../../functions/snapshot/errors.ts';
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
  // CloudWatch Logs gets both.
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
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
/** As Lambda hands it over. */
const wholeContext = {
  ...context(60_000),
  awsRequestId: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef',
  functionName: 'Nautobots-CopyShard',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:eu-central-1:111111111111:function:Nautobots-CopyShard',
  memoryLimitInMB: '1024',
};

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
  await handler({ run, shard: 7 }, wholeContext);
  const who = {
    state: 'CopyShard',
    execution: run.executionId,
    run: run.id,
    backup: run.id,
    shard: 7,
    attempt: wholeContext.awsRequestId,
    service: 'nautobot-replicator',
    cold_start: expect.any(Boolean),
  };
  expect(lines.slice(0, 2)).toMatchObject([
    { level: 'WARN', message: 'look here', ...who },
    { level: 'INFO', message: 'done', ...who, bytes: 15, rows: 3, files: 0 },
  ]);
});

test('what it did is measured, under the names and with the dimensions that alarms know', async () => {
  functionEnvironment({ [environment.stack]: 'Nautobots', [environment.sourceName]: 'production' });
  const handler = onLambda('CopyShard', async (_, { progress }) => {
    progress.advance({ bytes: 10, rows: 1 });
    return null;
  });
  await handler({ run, shard: 7 }, context(60_000));
  const emf = lines.at(-1);
  expect(emf).toMatchObject({
    _aws: {
      CloudWatchMetrics: [
        {
          Namespace: metricNamespace,
          Dimensions: [['Stack', 'Source']],
          Metrics: [
            { Name: 'HandlerSeconds', Unit: 'Seconds' },
            { Name: 'BytesCopied', Unit: 'Bytes' },
            { Name: 'RowsCopied', Unit: 'Count' },
          ],
        },
      ],
    },
    Stack: 'Nautobots',
    Source: 'production',
    BytesCopied: 10,
    RowsCopied: 1,
  });
});

test('who works for minutes is measured every minute, without counting anything twice', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const handler = onLambda('CopyShard', async (_, { progress }) => {
    for (const bytes of [10, 20]) {
      progress.advance({ bytes });
      vi.advanceTimersByTime(60_000);
    }
    vi.advanceTimersByTime(120_000);
    progress.advance({ bytes: 5 });
    return null;
  });
  await handler({ run, shard: 7 }, context(600_000));
  vi.useRealTimers();
  expect(lines.flatMap(({ BytesCopied }) => BytesCopied ?? [])).toEqual([10, 20, 5]);
});

test('a lost snapshot is counted', async () => {
  const handler = onLambda('KeepSnapshot', () => Promise.reject(new SnapshotLost('gone')));
  await expect(handler({ run }, context(60_000))).rejects.toThrow('gone');
  expect(lines.at(-1)).toMatchObject({ SnapshotsLost: 1 });
});

test('an error is logged with its stack and what caused it, and nothing else that hangs on it', async () => {
  const cause = Object.assign(new Error('reset by peer'), { detail: 'a row of somebody' });
  const handler = onLambda('CopyShard', () => Promise.reject(new Broken('no rows', { cause })));
  await expect(handler({ run }, context(60_000))).rejects.toThrow(Broken);
  expect(lines[0]).toMatchObject({
    level: 'ERROR',
    message: 'no rows',
    error: 'BrokenOnLambda',
    stack: expect.stringContaining('on-lambda.test.ts'),
    cause: 'Error: reset by peer',
  });
  expect(JSON.stringify(lines)).not.toContain('a row of somebody');
});

test('a store that asks to slow down is counted, and so are the requests sent again', async () => {
  let asked = 0;
  const server = createServer((_, answer) => {
    asked++;
    answer.writeHead(asked < 3 ? 503 : 404).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  functionEnvironment({
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  try {
    const handler = onLambda('ReadFailure', async (_, { store }) => (await store.head('x')) ?? null);
    await handler({ run }, context(60_000)).catch(() => {});
  } finally {
    server.close();
  }
  expect(lines.at(-1)).toMatchObject({ StoreThrottles: [1, 1], StoreRetries: 2 });
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
