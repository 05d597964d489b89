import { afterEach, beforeAll, expect, inject, test, vi } from 'vitest';
import { listBackups } from '../../functions/archive/list-backups.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import type { Fault } from '../store/faults.ts';
import { type InUse, inUse } from './in-use.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { type WatchedRun, watchedRun } from './watched-run.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from './what-is-left.ts';

let source: SmallNautobot;
let content: InUse;
/** Has one sound backup. */
let full: string;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await smallNautobot('source', 8000);
  content = await inUse(source);
  full = (await freshBucket()).uri();
  await backUp(full, {});
});

function backUp(uri: string, around: Pick<WatchedRun, 'watch' | 'fault' | 'warnings'>) {
  return watchedRun({
    machine: 'backup',
    places: { source: source.database.url, store: uri, sourceMedia: source.media },
    input: { shardBytes: 1024 * 1024 },
    ...around,
  });
}

const rowsRead = /^s3 GET .*database\.sql\.zst/;

/** The n-th request of this kind goes wrong. */
function nth(pattern: RegExp, which: number, fault: Fault): (request: string) => Fault | undefined {
  let seen = 0;
  return (request) => (pattern.test(request) && ++seen === which ? fault : undefined);
}

async function restore(fault: (request: string) => Fault | undefined) {
  const target = await smallNautobot('spared', 10);
  const old = await inUse(target);
  const error = await watchedRun({
    machine: 'restore',
    places: { target: target.database.url, store: full, targetMedia: target.media },
    fault,
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const now = await inUse(target);
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await leftInStore(full)).toEqual([]);
  return { error, old, now };
}

// The first two reads are the definitions'
test.each([
  ['a bit of the rows is another', nth(rowsRead, 3, { kind: 'flip', at: 100 })],
  ['a bit of the definitions is another', nth(rowsRead, 1, { kind: 'flip', at: 30 })],
  ['a bit of the media is another', nth(/^s3 GET .*media\.tar\.zst/, 1, { kind: 'flip', at: 100 })],
])(
  'a restore that reads what was not written (%s) calls the backup damaged, and the target stays as it was',
  async (_what, fault) => {
    const { error, old, now } = await restore(fault);
    expect(error).toMatchObject({ code: 'DamagedBackup', exitCode: 4 });
    expect(now).toEqual(old);
  },
);

test.each([
  ['ends with an error', { kind: 'cut', after: 200 } as const],
  ['ends as if that were all', { kind: 'cut', after: 200, silently: true } as const],
])('a read that breaks off and %s is made good', async (_how, fault) => {
  const { error, now } = await restore(nth(rowsRead, 3, fault));
  expect(error).toBeUndefined();
  expect(now).toEqual(content);
});

test('reads that break off again and again fail the restore, and the target stays as it was', async () => {
  const { error, old, now } = await restore((request) =>
    rowsRead.test(request) ? { kind: 'cut', after: 0, silently: true } : undefined,
  );
  expect(error).toMatchObject({ exitCode: 1 });
  expect(now).toEqual(old);
});

test.each<[string, RegExp, Fault]>([
  [
    'the rows of a shard',
    /^s3 PUT .*\/shards\/2\/[0-9a-f]{12}$/,
    { kind: 'refuse', status: 403, code: 'AccessDenied' },
  ],
  [
    'the result of a shard',
    /^s3 PUT .*\/shards\/2\/result\.json/,
    { kind: 'refuse', status: 507, code: 'Full' },
  ],
  [
    'a sealed file',
    /^s3 PUT .*\/backups\/.*database\.sql\.zst/,
    { kind: 'refuse', status: 403, code: 'AccessDenied' },
  ],
  ['the manifest', /^s3 PUT .*manifest\.json/, { kind: 'refuse', status: 403, code: 'AccessDenied' }],
])(
  'a store that does not take %s makes no backup, and keeps nothing of it',
  async (_what, request, fault) => {
    const uri = (await freshBucket()).uri();
    const failed = backUp(uri, { fault: (each) => (request.test(each) ? fault : undefined) });
    await expect(failed).rejects.toMatchObject({
      code: expect.stringMatching(/^Store(AccessDenied|Failed)$/),
    });
    expect(await listBackups(openStore(uri))).toEqual([]);
    expect(await leftInStore(uri)).toEqual([]);
    expect(await sessionsLeft(source.database)).toEqual([]);
  },
);

test.each([
  ['result', /\/shards\/2\/result\.json$/],
  ['rows', /\/shards\/2\/[0-9a-f]{12}$/],
])('a backup whose %s of a shard are lost before it is sealed fails, and is none', async (_what, lost) => {
  const uri = (await freshBucket()).uri();
  const store = openStore(uri);
  const failed = backUp(uri, {
    watch: async (point) => {
      if (point !== 'state SealBackup') return;
      for await (const { key } of store.list('runs/')) if (lost.test(key)) await store.remove([key]);
    },
  });
  await expect(failed).rejects.toMatchObject({
    code: expect.stringMatching(/^(BackupIncomplete|ObjectMissing)$/),
    exitCode: 1,
  });
  expect(await listBackups(store)).toEqual([]);
  expect(await leftInStore(uri)).toEqual([]);
});

test('a backup outlasts a store that answers nothing but errors for a while', async () => {
  const uri = (await freshBucket()).uri();
  let since: number | undefined;
  let refused = 0;
  await backUp(uri, {
    fault: (request) => {
      if (/shards\/2\/plan/.test(request)) since ??= performance.now();
      if (since === undefined || performance.now() - since > 120) return undefined;
      refused += 1;
      return refused % 2 ? { kind: 'refuse', status: 500, code: 'InternalError' } : { kind: 'lose answer' };
    },
  });
  expect(refused).toBeGreaterThan(2);
  expect(await listBackups(openStore(uri))).toHaveLength(1);
  expect(await leftInStore(uri)).toEqual([]);
});

/** From the first request of this kind on the store is away. */
function awayFrom(pattern: RegExp, kind: 'unavailable' | 'unreachable') {
  let until: number | undefined;
  let refused = 0;
  const fault = (request: string): Fault | undefined => {
    if (pattern.test(request)) until ??= performance.now() + 3000;
    if (until === undefined || performance.now() > until) return undefined;
    refused += 1;
    return kind === 'unavailable'
      ? { kind: 'refuse', status: 503, code: 'SlowDown' }
      : { kind: 'no connection' };
  };
  return { fault, refused: () => refused };
}

// Its client alone would not go on asking for so long
afterEach(() => vi.unstubAllEnvs());
const withAttempts = (most: number) => vi.stubEnv('AWS_MAX_ATTEMPTS', String(most));

test.each([
  ['the rows of a shard are written', /^s3 PUT .*\/shards\/2\/[0-9a-f]{12}$/, 'unavailable'],
  ['the plan of a shard is read', /^s3 GET .*\/shards\/2\/plan/, 'unreachable'],
  ['the manifest is written', /^s3 PUT .*manifest\.json/, 'unavailable'],
] as const)('a backup waits for a store that is away when %s', async (_when, request, kind) => {
  const uri = (await freshBucket()).uri();
  withAttempts(2);
  const { fault, refused } = awayFrom(request, kind);
  const warnings: string[] = [];
  await backUp(uri, { fault, warnings });
  expect(refused()).toBeGreaterThan(1);
  expect(warnings.join('\n')).toMatch(/(just now|cannot reach).* tried again/);
  expect(await listBackups(openStore(uri))).toHaveLength(1);
  expect(await leftInStore(uri)).toEqual([]);
});

test.each([
  ['rows are read', rowsRead],
  ['media are read', /^s3 GET .*media\.tar\.zst/],
] as const)('a restore waits for a store that is away when %s', async (_when, request) => {
  withAttempts(2);
  const { fault, refused } = awayFrom(request, 'unreachable');
  const { error, now } = await restore(fault);
  expect(error).toBeUndefined();
  expect(refused()).toBeGreaterThan(1);
  expect(now).toEqual(content);
});

test('a store that is away from the beginning is not waited for', async () => {
  const began = performance.now();
  const failed = backUp((await freshBucket()).uri(), { fault: () => ({ kind: 'no connection' }) });
  await expect(failed).rejects.toMatchObject({ code: 'StoreUnreachable', exitCode: 2 });
  expect(performance.now() - began).toBeLessThan(15_000);
});
