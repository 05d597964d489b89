import { afterAll, beforeAll, expect, test } from 'vitest';
import { backedUp } from './backed-up.ts';
import { type InUse, inUse } from './in-use.ts';
import { type ServerFront, startFront } from './server-front.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { type Watch, watchedRun } from './watched-run.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from './what-is-left.ts';

/** Longer than a connection that was lost is tried again for at once. */
const away = 3000;

let uri: string;
let source: SmallNautobot;
let fresh: InUse;
let front: ServerFront;
beforeAll(async () => {
  ({ uri, source, fresh } = await backedUp('failing_over', 2000));
  const { hostname, port } = new URL(source.database.url);
  front = await startFront({ host: hostname, port: Number(port) });
});
afterAll(() => front.stop());

/** The server goes away when that is reached for the first time. */
function awayAt(point: string): { readonly watch: Watch; readonly happened: () => boolean } {
  let happened = false;
  const watch = (passed: string) => {
    if (happened || !passed.startsWith(point)) return;
    happened = true;
    front.goAwayFor(away);
  };
  return { watch, happened: () => happened };
}

test.each([
  'left CreateDatabase',
  'sql COPY',
  'state BuildIndexes',
  'state VerifyRestore',
  'state SwitchOver',
])('a restore goes on after a failover of its server at "%s", and says what it waited for', async (point) => {
  const target = await smallNautobot('over', 10);
  const { watch, happened } = awayAt(point);
  const warnings: string[] = [];
  await watchedRun({
    machine: 'restore',
    places: { target: front.through(target.database.url), store: uri, targetMedia: target.media },
    watch,
    warnings,
  });
  expect(happened()).toBe(true);
  expect(warnings.join('\n')).toMatch(/no PostgreSQL server answers there .* tried again/);
  expect(await inUse(target)).toEqual(fresh);
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await sessionsLeft(target.database)).toEqual([]);
});

test('a backup whose server fails over starts over, and is whole', async () => {
  const { watch, happened } = awayAt('sql COPY');
  const warnings: string[] = [];
  await watchedRun({
    machine: 'backup',
    places: { source: front.through(source.database.url), store: uri, sourceMedia: source.media },
    watch,
    warnings,
  });
  expect(happened()).toBe(true);
  expect(await leftInStore(uri)).toEqual([]);
  const target = await smallNautobot('after_failover', 10);
  await watchedRun({
    machine: 'restore',
    places: { target: target.database.url, store: uri, targetMedia: target.media },
  });
  expect(await inUse(target)).toEqual(fresh);
});
