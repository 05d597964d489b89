import { beforeAll, expect, inject, test } from 'vitest';
import { Interrupted } from '../../functions/errors/usage.ts';
import { ConnectionLost, StatementFailed } from '../../functions/postgres/errors.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type InUse, inUse } from './in-use.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { watchedRun } from './watched-run.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from './what-is-left.ts';

let uri: string;
let fresh: InUse;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  uri = (await freshBucket()).uri();
  const source = await smallNautobot('source', 500);
  fresh = await inUse(source);
  await watchedRun({
    machine: 'backup',
    places: { source: source.database.url, store: uri, sourceMedia: source.media },
  });
});

const renames = /^sql ALTER DATABASE "[^"]+" RENAME/;

/** Points of a switch-over, each as the points that lead to it, from its beginning. */
const points = {
  'before the first rename': [renames],
  'between the renames': [renames, renames],
  'after the renames': [renames, renames, /^sql COMMENT ON DATABASE/],
  'when the renames are committed, before the server knows': [/^sql COMMENT ON DATABASE/, /^sql COMMIT/],
  'when the renames are committed, before the answer': [/^sql COMMENT ON DATABASE/, /^done COMMIT/],
  'when the old database is to be dropped': [/^sql DROP DATABASE/],
  'when the old database has been dropped': [/^done DROP DATABASE/],
  'when all is done': [/^left SwitchOver/],
} as const;
type Point = keyof typeof points;

/** Restores; something happens once, at a point of SwitchOver. */
async function restoreWith(target: SmallNautobot, point: Point, happens: () => void, signal?: AbortSignal) {
  const way = ['state SwitchOver', ...points[point]];
  const warnings: string[] = [];
  let come = 0;
  const run = watchedRun({
    machine: 'restore',
    places: { target: target.database.url, store: uri, targetMedia: target.media },
    watch: (passed) => {
      const next = way[come];
      if (next === undefined || (typeof next === 'string' ? passed !== next : !next.test(passed))) return;
      come += 1;
      if (come === way.length) happens();
    },
    warnings,
    ...(signal && { signal }),
  });
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(come).toBe(way.length);
  return { error, warnings };
}

async function expectNothingLeft(target: SmallNautobot): Promise<void> {
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await sessionsLeft(target.database)).toEqual([]);
  expect(await leftInStore(uri)).toEqual([]);
}

const throws = (error: Error) => () => {
  throw error;
};

test.each<Point>([
  'between the renames',
  'when the renames are committed, before the server knows',
  'when the renames are committed, before the answer',
  'when the old database is to be dropped',
  'when the old database has been dropped',
  'when all is done',
])('a switch-over whose connection is lost %s is done whole in the end', async (point) => {
  const target = await smallNautobot('retried', 10);
  const { error } = await restoreWith(target, point, throws(new ConnectionLost('the server went away')));
  expect(error).toBeUndefined();
  expect(await inUse(target)).toEqual(fresh);
  await expectNothingLeft(target);
});

test.each<Point>([
  'before the first rename',
  'after the renames',
  'when the renames are committed, before the server knows',
])('a switch-over that fails %s leaves the target as it was', async (point) => {
  const target = await smallNautobot('failing', 10);
  const old = await inUse(target);
  const refusal = new StatementFailed('no space left on device', '53100');
  const { error } = await restoreWith(target, point, throws(refusal));
  expect(error).toBe(refusal);
  expect(await inUse(target)).toEqual(old);
  await expectNothingLeft(target);
});

test('a restore that fails after its switch-over says that the target has changed', async () => {
  const target = await smallNautobot('changed', 10);
  const warnings: string[] = [];
  const run = watchedRun({
    machine: 'restore',
    places: { target: target.database.url, store: uri, targetMedia: target.media, afterRestore: 'exit 3' },
    input: { afterRestore: true },
    warnings,
  });
  await expect(run).rejects.toMatchObject({ code: 'CommandFailed' });
  expect(warnings.join()).toContain('what was restored is in use');
  expect(await inUse(target)).toEqual(fresh);
  await expectNothingLeft(target);
});

test.each<[Point, 'old' | 'new']>([
  ['before the first rename', 'new'],
  ['when the renames are committed, before the answer', 'new'],
  ['when the old database is to be dropped', 'new'],
])('Ctrl-C %s leaves the target whole and nothing else', async (point, then) => {
  const target = await smallNautobot('stopped', 10);
  const old = await inUse(target);
  const controller = new AbortController();
  const stop = () => controller.abort(new Interrupted('ended by SIGINT'));
  const { error, warnings } = await restoreWith(target, point, stop, controller.signal);
  expect(error).toMatchObject({ code: 'Interrupted', exitCode: 130 });
  expect(await inUse(target)).toEqual(then === 'new' ? fresh : old);
  if (then === 'new') expect(warnings.join()).toContain('what was restored is in use');
  await expectNothingLeft(target);
});
