import { beforeAll, expect, test } from 'vitest';
import { cliInProcess } from '../cli/run-cli.ts';
import { backedUp } from '../faults/backed-up.ts';
import { type InUse, inUse } from '../faults/in-use.ts';
import { type SmallNautobot, smallNautobot } from '../faults/small-nautobot.ts';
import { databasesLeft, mediaLeft, sessionsLeft } from '../faults/what-is-left.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { superuserSession } from '../servers/fresh-database.ts';

let uri: string;
let fresh: InUse;
beforeAll(async () => {
  ({ uri, fresh } = await backedUp('shared_source', 2000));
});

const restore = ({ database, media }: SmallNautobot, ...more: string[]) => [
  ...['restore', '--store', uri, '--target', database.url, '--media', media, '--yes', ...more],
];

test('one backup goes into several targets of one server at once, and who is interrupted disturbs nobody', async () => {
  const targets = await Promise.all(['first', 'second', 'third'].map((name) => smallNautobot(name, 10)));
  const [first, second, third] = targets as [SmallNautobot, SmallNautobot, SmallNautobot];
  const old = await inUse(third);
  const interrupt = new AbortController();
  const building = setInterval(async () => {
    if ((await databasesLeft(third.database)).length > 0) interrupt.abort(new Error('stopped'));
  }, 50);
  const [one, other, stopped] = await Promise.all([
    cliInProcess(restore(first, '--keep-previous')),
    cliInProcess(restore(second)),
    cliInProcess(restore(third), interrupt.signal),
  ]);
  clearInterval(building);
  expect([one.code, other.code], one.stderr + other.stderr).toEqual([0, 0]);
  expect(await inUse(first)).toEqual(fresh);
  expect(await inUse(second)).toEqual(fresh);
  expect(stopped.code).not.toBe(0);
  expect(await inUse(third)).toEqual(old);
  expect(await databasesLeft(first.database)).toHaveLength(1);
  for (const { database, media } of [second, third]) {
    expect(await databasesLeft(database)).toEqual([]);
    expect(await mediaLeft(media)).toEqual([]);
    expect(await sessionsLeft(database)).toEqual([]);
  }
});

test('after a disaster the database is made anew, when a person says that it is the source', async () => {
  const lost = await smallNautobot('lost', 100);
  const before = await inUse(lost);
  const store = (await freshBucket()).uri();
  const run = (verb: string, ...more: string[]) =>
    cliInProcess([verb, '--store', store, '--media', lost.media, ...more]);
  expect(await run('backup', '--source', lost.database.url)).toMatchObject({ code: 0 });
  await lost.database.drop();

  const again = (...more: string[]) => run('restore', '--target', lost.database.url, ...more);
  expect(await again('--yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('(DatabaseMissing)'),
  });
  expect(await again('--create-target', '--yes')).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/has the address of the source\..*--allow-source.*\(TargetIsSource\)/s),
  });
  const session = await superuserSession();
  expect(await session.query('SELECT 1 FROM pg_database WHERE datname = $1', [lost.database.name])).toEqual(
    [],
  );
  await session.end();
  const { code, stderr } = await again('--create-target', '--allow-source');
  expect(stderr).toContain(`there was no database ${lost.database.name}: it is made now, and marked`);
  expect(code).toBe(0);
  expect(await inUse(lost)).toEqual(before);
  // It is there, so that it is like any other target from now on
  expect(await again('--create-target')).toMatchObject({ code: 3 });
});
