import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { SnapshotLost, TableLocked } from '../../functions/snapshot/errors.ts';
import { type JoinOptions, joinSnapshot } from '../../functions/snapshot/import-snapshot.ts';
import { releaseSnapshot } from '../../functions/snapshot/release.ts';
import { keeperName, lineageLock } from '../../functions/snapshot/session-names.ts';
import { type FreshDatabase, freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { lookAt, type RunningKeeper, sessionOf, startKeeper } from './start-keeper.ts';

let source: FreshDatabase;
let database: Database;

beforeAll(async () => {
  source = await freshDatabase();
  database = await openDatabase(source.url);
});
afterAll(() => source.drop());

beforeEach(async () => {
  await using session = await sessionOf(source.url);
  await session.execute(`
    DROP TABLE IF EXISTS things, others;
    CREATE TABLE things AS SELECT generate_series(1, 100) AS id;
    CREATE TABLE others AS SELECT 1 AS id;
  `);
});

/** What OpenSnapshot tells a worker. */
async function tell(keeper: RunningKeeper, name = 'w1'): Promise<JoinOptions> {
  const { text, rows } = await lookAt(database, keeper);
  return { backupId: keeper.backupId, round: keeper.round, text, name, lock: rows };
}

async function count(session: Session): Promise<number> {
  const [row] = await session.query<{ count: string }>('SELECT count(*) FROM public.things');
  return Number(row?.count);
}

async function joinAndCount(options: JoinOptions): Promise<number> {
  const session = await joinSnapshot(database, options);
  try {
    return await count(session);
  } finally {
    await session.end();
  }
}

/** A session that exports a snapshot of its own and calls itself a keeper of the backup. */
async function forge(url: string, backupId: string): Promise<Session & AsyncDisposable> {
  const forger = await sessionOf(url);
  await forger.execute('BEGIN ISOLATION LEVEL REPEATABLE READ');
  const [row] = await forger.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  await forger.execute(`SET application_name = '${keeperName(backupId, row?.id ?? '')}'`);
  return forger;
}

test('workers that join at different times see the same rows', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using writer = await sessionOf(source.url);
  for (let id = 101; id <= 110; id++) {
    await writer.execute(`INSERT INTO things VALUES (${id}); DELETE FROM things WHERE id = ${id - 100}`);
    expect(await joinAndCount({ ...options, name: `w${id}` })).toBe(100);
  }
});

test('sessions of the same role with a forged name are not taken for the keeper', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using writer = await sessionOf(source.url);
  await writer.execute('DELETE FROM things');
  await using _one = await forge(source.url, keeper.backupId);
  await using _two = await forge(source.url, keeper.backupId);
  expect(await joinAndCount(options)).toBe(100);
});

test("sessions of other roles with a forged name are not taken for the keeper, even with the keeper's lock", async () => {
  const role = await freshRole();
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using forger = await forge(source.urlAs(role), keeper.backupId);
  await forger.query('SELECT pg_advisory_lock_shared($1::int4, 4711)', [lineageLock(keeper.backupId, 2)]);
  expect(await joinAndCount(options)).toBe(100);
  await expect(joinSnapshot(database, { ...options, round: 2 })).rejects.toThrow(SnapshotLost);
});

test('a name that is no snapshot is never put into a statement', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using forger = await sessionOf(source.url);
  await forger.execute(`SET application_name = 'replicator:${keeper.backupId}:x''; DROP TABLE things; --'`);
  expect(await joinAndCount(options)).toBe(100);
});

test('when the keeper is gone no worker joins', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await releaseSnapshot(database, keeper.backupId);
  await expect(joinSnapshot(database, options)).rejects.toThrow(SnapshotLost);
});

test('the keeper that comes after a lost one keeps another snapshot, which no worker of the first takes', async () => {
  await using lost = await startKeeper(database);
  const options = await tell(lost);
  await releaseSnapshot(database, lost.backupId);
  await expect(lost.outcome).rejects.toThrow(SnapshotLost);
  await using writer = await sessionOf(source.url);
  await writer.execute('DELETE FROM things WHERE id > 50');
  await using next = await startKeeper(database, { backupId: lost.backupId });
  await expect(joinSnapshot(database, options)).rejects.toThrow('keep another snapshot');
  expect(await joinAndCount(await tell(next))).toBe(50);
});

test('a worker that has joined keeps its rows and its locks when the keeper is lost', async () => {
  await using keeper = await startKeeper(database);
  const session = await joinSnapshot(database, await tell(keeper));
  await releaseSnapshot(database, keeper.backupId);
  await using migration = await sessionOf(source.url);
  await migration.execute(`SET lock_timeout = '200ms'`);
  await expect(migration.execute('TRUNCATE things')).rejects.toMatchObject({ sqlState: '55P03' });
  expect(await count(session)).toBe(100);
  await session.end();
});

test('a worker whose keeper is lost before it has its locks does not read, for a table may have been replaced', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using migration = await sessionOf(source.url);
  const truncated = migration.execute('TRUNCATE things');
  await sleep(200);
  const joining = joinSnapshot(database, options);
  joining.catch(() => {});
  await sleep(400);
  await releaseSnapshot(database, keeper.backupId);
  await truncated;
  await expect(joining).rejects.toThrow(SnapshotLost);
});

test('a worker does not queue behind a migration: it asks again, and gives up with the name of the table', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using migration = await sessionOf(source.url);
  const gaveUp = migration.execute(`SET lock_timeout = '1s'; LOCK TABLE things IN ACCESS EXCLUSIVE MODE`);
  gaveUp.catch(() => {});
  await sleep(200);
  await expect(joinSnapshot(database, { ...options, lockWaitSeconds: 0.3 })).rejects.toThrow(TableLocked);
  expect(await joinAndCount(options)).toBe(100);
  await expect(gaveUp).rejects.toMatchObject({ sqlState: '55P03' });
});

test('a table that the keeper does not hold is not read', async () => {
  await using keeper = await startKeeper(database);
  const options = await tell(keeper);
  await using writer = await sessionOf(source.url);
  await writer.execute('CREATE TABLE later AS SELECT 1 AS id');
  const [row] = await writer.query<{ oid: string }>(`SELECT 'later'::regclass::oid::int8 AS oid`);
  const later = { oid: Number(row?.oid), schema: 'public', name: 'later' };
  await expect(joinSnapshot(database, { ...options, lock: [later] })).rejects.toThrow(SnapshotLost);
  await writer.execute('DROP TABLE later');
});

test('an aborted worker ends its session at once', async () => {
  await using keeper = await startKeeper(database);
  const ended = new AbortController();
  const session = await joinSnapshot(database, { ...(await tell(keeper)), signal: ended.signal });
  const running = session.query('SELECT pg_sleep(30)');
  ended.abort(new Error('the run was aborted'));
  await expect(running).rejects.toThrow('the run was aborted');
  await session.end();
});
