import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { ConnectionLost } from '../../functions/postgres/errors.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { createHiddenDatabase } from '../../functions/target/create-database.ts';
import { RowsDiffer } from '../../functions/target/errors.ts';
import { loadPreData } from '../../functions/target/load-pre-data.ts';
import { loadChunk, openLoadSession } from '../../functions/target/load-shard.ts';
import type { Rebuild } from '../../functions/target/rebuild.ts';
import { openLoader } from '../../functions/target/sessions.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { newRunId } from './restore-steps.ts';
import { smallSource } from './small-source.ts';
import type { SourceContents } from './source-database.ts';

let source: FreshDatabase;
let contents: SourceContents;
let target: FreshDatabase;
let database: Database;
let rebuild: Rebuild;

beforeAll(async () => {
  const small = await smallSource('', { chunksOf: { 'public.device': 2 } });
  source = small.database;
  contents = small.contents;
  target = await freshDatabase({ name: 'loaded' });
  database = await openDatabase(target.url);
});
beforeEach(async () => {
  rebuild = (await createHiddenDatabase(database, { runId: newRunId(), extensions: [] })).rebuild;
  await loadPreData(database, rebuild, contents.preData);
  return async () => {
    const admin = await superuserSession();
    await admin.execute(`DROP DATABASE "${rebuild.hidden}" WITH (FORCE)`);
    await admin.end();
  };
});
afterAll(async () => {
  await source.drop();
  await target.drop();
});

const table = (name: string) => {
  const entry = contents.tables.find((one) => one.name === name);
  if (!entry) throw new Error(`no table ${name}`);
  return entry;
};
const chunk = (name: string, chunkIndex: number) => ({
  backupId: 'b',
  entry: table(name),
  chunkIndex,
  rows: contents.rows(table(name), chunkIndex),
});

async function countIn(name: string): Promise<number> {
  const session = await openLoader(database, rebuild, { part: 'count' });
  const [row] = await session.query<{ count: number }>(`SELECT count(*)::int AS count FROM public.${name}`);
  await session.end();
  return row?.count ?? -1;
}

const open = (attempt: string) => openLoadSession(database, rebuild, { shard: 1, attempt });

test('a chunk is loaded once, however often it is tried', async () => {
  const session = await open('a');
  expect(await loadChunk(session, chunk('device', 0))).toEqual({ rows: 250, again: false });
  expect(await loadChunk(session, chunk('device', 0))).toEqual({ rows: 250, again: true });
  expect(await loadChunk(session, chunk('device', 1))).toEqual({ rows: 250, again: false });
  await session.end();
  expect(await countIn('device')).toBe(500);
});

test('two sessions that load the same chunk at the same time load it once', async () => {
  const [one, other] = [
    await open('a'),
    await openLoadSession(database, rebuild, { shard: 2, attempt: 'b' }),
  ];
  const loaded = await Promise.all([loadChunk(one, chunk('site', 0)), loadChunk(other, chunk('site', 0))]);
  expect(loaded.map(({ again }) => again).sort()).toEqual([false, true]);
  await Promise.all([one.end(), other.end()]);
  expect(await countIn('site')).toBe(20);
});

test('rows that are not as many as the manifest says are rolled back, and the next try is a first one', async () => {
  const session = await open('a');
  const all = chunk('site', 0);
  async function* short() {
    for await (const slice of all.rows) yield slice.subarray(0, slice.lastIndexOf(10, slice.length - 2) + 1);
  }
  const failed = loadChunk(session, { ...all, rows: short() });
  await expect(failed).rejects.toThrow(RowsDiffer);
  await expect(failed).rejects.toThrow(
    /public\.site: the server counted 19 rows in chunk 1, the manifest says 20/,
  );
  expect(await countIn('site')).toBe(0);
  expect(await loadChunk(session, chunk('site', 0))).toEqual({ rows: 20, again: false });
  await session.end();
});

test('a source of rows that breaks off leaves nothing, and its error is what is thrown', async () => {
  const session = await open('a');
  async function* broken() {
    yield Buffer.from('1\tsite 1\t\\N\n');
    throw new Error('the read fell short');
  }
  await expect(loadChunk(session, { ...chunk('site', 0), rows: broken() })).rejects.toThrow(
    'the read fell short',
  );
  await session.end();
  expect(await countIn('site')).toBe(0);
});

test('an attempt that stands still is ended by the next one, which then loads the chunk', async () => {
  const stuck = await open('a');
  let give = () => {};
  const gate = new Promise<void>((resolve) => {
    give = resolve;
  });
  async function* endless() {
    yield Buffer.from('1\tsite 1\t\\N\n');
    await gate;
  }
  const first = loadChunk(stuck, { ...chunk('site', 0), rows: endless() }).catch((error: unknown) => error);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const next = await open('b');
  expect(await loadChunk(next, chunk('site', 0))).toEqual({ rows: 20, again: false });
  give();
  expect(await first).toBeInstanceOf(ConnectionLost);
  await Promise.all([next.end(), stuck.end()]);
  expect(await countIn('site')).toBe(20);
});

test('an attempt at shard 1 leaves the sessions of shard 10 alone', async () => {
  const other = await openLoadSession(database, rebuild, { shard: 10, attempt: 'a' });
  const session = await open('a');
  expect(await other.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await Promise.all([other.end(), session.end()]);
});

test('a table in one chunk takes its rows frozen', async () => {
  const session = await open('a');
  await loadChunk(session, chunk('secret', 0));
  await session.end();
  const admin = await openLoader(database, rebuild, { part: 'look', asOwner: false });
  await admin.execute('CREATE EXTENSION pg_visibility SCHEMA public');
  const [pages] = await admin.query(
    "SELECT all_frozen > 0 AS frozen FROM public.pg_visibility_map_summary('public.secret')",
  );
  await admin.end();
  expect(pages).toEqual({ frozen: true });
});
