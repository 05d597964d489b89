import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { cleanUpTarget, findLeftoverRuns } from '../../functions/target/clean-up-target.ts';
import { applicationName, ownedBy } from '../../functions/target/names.ts';
import { withSession } from '../definitions/load-definitions.ts';
import { type FreshDatabase, freshDatabase, freshRole, superuserSession } from '../servers/fresh-database.ts';
import { contents, newRunId, restoreSteps } from './restore-steps.ts';
import { makeSmall, smallSource } from './small-source.ts';
import type { SourceContents } from './source-database.ts';

let source: FreshDatabase;
let read: SourceContents;
let target: FreshDatabase;
let url: string;

beforeAll(async () => {
  const small = await smallSource();
  source = small.database;
  read = small.contents;
  const role = await freshRole({ name: 'staging', createdb: true });
  target = await freshDatabase({ name: 'Cleaned target', owner: role.name });
  await withSession(target.url, async (session) => {
    await session.execute(`SET ROLE "${role.name}"`);
    await makeSmall(session);
    await session.execute("UPDATE site SET name = name || ' before'");
  });
  url = target.urlAs(role);
});
afterAll(async () => {
  await source.drop();
  await target.drop();
});

async function databasesOf(runId: string): Promise<string[]> {
  const session = await superuserSession();
  const rows = await session.query<{ name: string }>('SELECT datname AS name FROM pg_database');
  await session.end();
  return rows.map(({ name }) => name).filter((name) => ownedBy(runId, name));
}

test.each(['create-database', 'pre-data', 'load', 'build-indexes', 'add-constraints', 'verify'])(
  'after a restore that ended with %s, the target is as before and nothing of the run is left',
  async (last) => {
    const before = await withSession(target.url, contents);
    const handle = await openDatabase(url);
    const restore = restoreSteps(handle, read);
    for (const step of restore.steps) {
      await step.run();
      if (step.name === last) break;
    }
    const lost = await handle.connect({
      applicationName: applicationName(restore.runId, 'load', 1, 'lost'),
      database: restore.rebuild().hidden,
    });
    expect((await findLeftoverRuns(handle)).map(({ runId }) => runId)).toContain(restore.runId);
    const cleaned = await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
    expect(cleaned).toEqual({ endedSessions: 1, dropped: [restore.rebuild().hidden], notes: [] });
    await expect(lost.query('SELECT 1')).rejects.toThrow();
    await lost.end();
    const again = await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
    expect(again).toEqual({ endedSessions: 0, dropped: [], notes: [] });
    expect(await databasesOf(restore.runId)).toEqual([]);
    expect(await withSession(target.url, contents)).toEqual(before);
  },
);

test('after the switch-over the previous database goes, or stays when it is to be kept', async () => {
  const handle = await openDatabase(url);
  for (const keepPrevious of [true, false]) {
    const restore = restoreSteps(handle, read);
    for (const step of restore.steps) await step.run();
    const { previous } = restore.rebuild();
    const cleaned = await cleanUpTarget(handle, { runId: restore.runId, keepPrevious });
    expect(cleaned.dropped).toEqual(keepPrevious ? [] : [previous]);
    expect(await databasesOf(restore.runId)).toEqual(keepPrevious ? [previous] : []);
    expect(await withSession(target.url, contents)).toEqual(await withSession(source.url, contents));
    await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
  }
});

test('a database that only looks like the previous one of a run is left alone', async () => {
  const handle = await openDatabase(url);
  const runId = newRunId();
  const admin = await superuserSession();
  const name = `${target.name}_p_${runId}`;
  await admin.execute(`CREATE DATABASE "${name}"`);
  const cleaned = await cleanUpTarget(handle, { runId, keepPrevious: false });
  expect(cleaned.dropped).toEqual([]);
  expect(cleaned.notes).toHaveLength(1);
  await admin.execute(`DROP DATABASE "${name}"`);
  await admin.end();
});

test('another run beside the same target is left alone', async () => {
  const handle = await openDatabase(url);
  const [one, other] = [restoreSteps(handle, read), restoreSteps(handle, read)];
  await one.steps[0]?.run();
  await other.steps[0]?.run();
  await cleanUpTarget(handle, { runId: one.runId, keepPrevious: false });
  expect(await databasesOf(other.runId)).toEqual([other.rebuild().hidden]);
  await cleanUpTarget(handle, { runId: other.runId, keepPrevious: false });
});
