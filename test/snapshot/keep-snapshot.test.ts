import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import {
  BackupYielded,
  PatternMatchesNothing,
  SnapshotBlocked,
  SnapshotLost,
  SnapshotNotReady,
  TableNotReadable,
} from '../../functions/snapshot/errors.ts';
import { joinSnapshot } from '../../functions/snapshot/import-snapshot.ts';
import { endSessionsOf, releaseSnapshot } from '../../functions/snapshot/release.ts';
import { type FreshDatabase, freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { beginKeeper, everything, lookAt, newBackupId, sessionOf, startKeeper } from './start-keeper.ts';

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
    DROP TABLE IF EXISTS first, second, late CASCADE;
    CREATE TABLE first (id int, note text);
    CREATE TABLE second (id int);
    INSERT INTO first SELECT n, 'note ' || n FROM generate_series(1, 1000) n;
    INSERT INTO second SELECT generate_series(1, 10);
  `);
});

/** Rows of a table as the keeper's snapshot has them. */
async function countUnder(keeper: Awaited<ReturnType<typeof startKeeper>>, name: string): Promise<number> {
  const { text, rows } = await lookAt(database, keeper);
  const lock = rows.filter((table) => table.name === name);
  expect(lock).toHaveLength(1);
  const session = await joinSnapshot(database, { ...keeper, text, name: 'w1', lock });
  try {
    const [row] = await session.query<{ count: string }>(`SELECT count(*) FROM public.${name}`);
    return Number(row?.count);
  } finally {
    await session.end();
  }
}

async function sessionsNamed(backupId: string): Promise<string[]> {
  await using session = await sessionOf(source.url);
  const rows = await session.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE 'replicator:' || $1 || ':%'`,
    [backupId],
  );
  return rows.map(({ name }) => name);
}

test('a keeper holds the snapshot until it is released, whatever is committed meanwhile', async () => {
  await using keeper = await startKeeper(database);
  await using other = await sessionOf(source.url);
  await other.execute('DELETE FROM first WHERE id > 10');
  expect(await countUnder(keeper, 'first')).toBe(1000);
  keeper.release();
  expect(await keeper.outcome).toEqual({ kind: 'released' });
  expect(await sessionsNamed(keeper.backupId)).toEqual([]);
});

test("the keeper's name tells its snapshot and fits into PostgreSQL's 63 bytes", async () => {
  await using keeper = await startKeeper(database);
  const [name = ''] = await sessionsNamed(keeper.backupId);
  expect(name).toMatch(/^replicator:\d{8}T\d{6}Z-[0-9a-z]{6}:[0-9A-F]{8}-[0-9A-F]{8}-\d+$/);
});

test.each([
  ['ALTER TABLE first ALTER COLUMN id TYPE bigint', 'COMMIT', 1000],
  ['ALTER TABLE first ALTER COLUMN id TYPE bigint', 'ROLLBACK', 1000],
  ['TRUNCATE first', 'COMMIT', 0],
  ['TRUNCATE first', 'ROLLBACK', 1000],
  ['TRUNCATE first; INSERT INTO first VALUES (1), (2)', 'COMMIT', 2],
])(
  'while %s is going on and ends in %s, the snapshot waits and sees the %i rows of then',
  async (change, end, expected) => {
    await using migration = await sessionOf(source.url);
    await migration.execute('BEGIN');
    await migration.execute(change);
    const keeper = beginKeeper(database);
    await using _ = keeper;
    await sleep(400);
    await expect(lookAt(database, keeper)).rejects.toThrow(SnapshotNotReady);
    await migration.execute(end);
    await keeper.opened;
    expect(await countUnder(keeper, 'first')).toBe(expected);
  },
);

test('tables truncated again and again while snapshots open are seen with all rows or none, never with some', async () => {
  await using migration = await sessionOf(source.url);
  await migration.execute(`SET lock_timeout = '50ms'`);
  let going = true;
  let truncated = 0;
  const churn = (async () => {
    while (going) {
      // In one message: rolled back as a whole when the lock can't be had
      await migration
        .execute('TRUNCATE first; INSERT INTO first SELECT n FROM generate_series(1, 1000) n')
        .then(() => truncated++)
        .catch(() => {});
      await sleep(20);
    }
  })();
  try {
    // Eight snapshots at least, and as many more as it takes for the truncations to come in between
    for (let round = 0; round < 8 || truncated <= 8; round++) {
      await using keeper = await startKeeper(database);
      expect(await countUnder(keeper, 'first')).toBe(1000);
    }
  } finally {
    going = false;
    await churn;
  }
  expect(truncated).toBeGreaterThan(8);
});

test('a table that is created while the snapshot opens is in it and locked', async () => {
  await using migration = await sessionOf(source.url);
  await migration.execute('BEGIN; LOCK TABLE second IN ACCESS EXCLUSIVE MODE');
  const keeper = beginKeeper(database);
  await using _ = keeper;
  await sleep(300);
  await migration.execute('CREATE TABLE late AS SELECT generate_series(1, 7) AS n; COMMIT');
  await keeper.opened;
  expect(await countUnder(keeper, 'late')).toBe(7);
  await migration.execute(`SET lock_timeout = '100ms'`);
  await expect(migration.execute('TRUNCATE late')).rejects.toMatchObject({ sqlState: '55P03' });
});

test('a table that is dropped, or dropped and created anew, while the snapshot opens is seen as it then is', async () => {
  await using migration = await sessionOf(source.url);
  await migration.execute(
    'BEGIN; DROP TABLE first; CREATE TABLE first AS SELECT 1 AS only; DROP TABLE second',
  );
  const keeper = beginKeeper(database);
  await using _ = keeper;
  await sleep(300);
  await migration.execute('COMMIT');
  await keeper.opened;
  expect(await countUnder(keeper, 'first')).toBe(1);
  const { rows } = await lookAt(database, keeper);
  expect(rows.map(({ name }) => name)).toEqual(['first']);
});

test('a lock that is not given up in time ends the opening with the name of the table and of who holds it', async () => {
  await using migration = await sessionOf(source.url, 'long migration');
  await migration.execute('BEGIN; LOCK TABLE second IN ACCESS EXCLUSIVE MODE');
  const keeper = beginKeeper(database, { lockWaitSeconds: 0.5 });
  await expect(keeper.outcome).rejects.toThrow(SnapshotBlocked);
  await expect(keeper.outcome).rejects.toThrow(/"public.second".*long migration/);
});

test('a migration that waits for the locks makes the backup yield in time, and no reader waits longer', async () => {
  await using keeper = await startKeeper(database, { blockedSeconds: 2 });
  const { text, rows } = await lookAt(database, keeper);
  const worker = await joinSnapshot(database, { ...keeper, text, name: 'w1', lock: rows });
  await using migration = await sessionOf(source.url, 'migrate');
  await using reader = await sessionOf(source.url);

  const began = performance.now();
  const waits = (work: Promise<void>) => work.then(() => performance.now() - began);
  const migrated = waits(migration.execute('ALTER TABLE first ADD COLUMN more int'));
  await sleep(100);
  const read = waits(reader.execute('SELECT count(*) FROM first'));

  await expect(keeper.outcome).rejects.toThrow(BackupYielded);
  expect(await migrated).toBeGreaterThan(1_000);
  expect(await migrated).toBeLessThan(2_500);
  expect(await read).toBeLessThan(2_500);
  expect(keeper.yielded).toHaveLength(1);
  expect(keeper.yielded[0]).toMatch(/\(migrate\) for first waited/);
  await expect(worker.query('SELECT 1')).rejects.toThrow();
  await worker.end();
  expect(await sessionsNamed(keeper.backupId)).toEqual([]);
});

test('a migration that gives up in time does not end the backup', async () => {
  await using keeper = await startKeeper(database, { blockedSeconds: 2 });
  await using migration = await sessionOf(source.url);
  for (let attempt = 0; attempt < 4; attempt++) {
    await migration.execute(`SET lock_timeout = '900ms'`);
    await expect(migration.execute('ALTER TABLE first ADD COLUMN more int')).rejects.toMatchObject({
      sqlState: '55P03',
    });
  }
  expect(await countUnder(keeper, 'first')).toBe(1000);
  expect(keeper.yielded).toEqual([]);
});

test('an index that is built concurrently waits for the snapshot without ending it, for nobody waits behind it', async () => {
  await using keeper = await startKeeper(database, { blockedSeconds: 0.5 });
  await using migration = await sessionOf(source.url);
  const built = migration.execute('CREATE INDEX CONCURRENTLY ON first (id)');
  await sleep(1500);
  expect(await countUnder(keeper, 'first')).toBe(1000);
  keeper.release();
  expect(await keeper.outcome).toEqual({ kind: 'released' });
  await built;
});

test('sessions with the names of another backup are not ended when one yields', async () => {
  await using other = await startKeeper(database);
  await using keeper = await startKeeper(database, { blockedSeconds: 0.5 });
  await using migration = await sessionOf(source.url);
  const migrated = migration.execute(`SET lock_timeout = '3s'; LOCK TABLE first IN ACCESS EXCLUSIVE MODE`);
  migrated.catch(() => {});
  await expect(keeper.outcome).rejects.toThrow(BackupYielded);
  expect(await countUnder(other, 'second')).toBe(10);
  await expect(migrated).rejects.toMatchObject({ sqlState: '55P03' });
});

test('of two first keepers of the same round one leaves without touching anything', async () => {
  await using migration = await sessionOf(source.url);
  await migration.execute('BEGIN; LOCK TABLE second IN ACCESS EXCLUSIVE MODE');
  await using keeper = beginKeeper(database);
  await sleep(300);
  await using second = beginKeeper(database, { backupId: keeper.backupId });
  expect(await second.outcome).toEqual({ kind: 'anotherKeeps' });
  await migration.execute('ROLLBACK');
  await keeper.opened;
  expect(await countUnder(keeper, 'first')).toBe(1000);
});

test('the keeper of a second round is not mistaken for that of the first', async () => {
  await using first = await startKeeper(database);
  await using second = await startKeeper(database, { backupId: first.backupId, round: 2 });
  await using other = await sessionOf(source.url);
  await other.execute('INSERT INTO second VALUES (11)');
  first.release();
  await first.outcome;
  await expect(lookAt(database, first)).rejects.toThrow(SnapshotNotReady);
  expect(await countUnder(second, 'second')).toBe(10);
});

test('a keeper whose session is ended says that the snapshot is lost, or released when it was', async () => {
  await using lost = await startKeeper(database);
  await releaseSnapshot(database, lost.backupId);
  await expect(lost.outcome).rejects.toThrow(SnapshotLost);

  await using released = await startKeeper(database);
  released.release();
  expect(await releaseSnapshot(database, released.backupId)).toBe(1);
  expect(await released.outcome).toEqual({ kind: 'released' });
  expect(await releaseSnapshot(database, released.backupId)).toBe(0);
});

test('releasing ends a keeper that is still waiting for its locks', async () => {
  await using migration = await sessionOf(source.url);
  await migration.execute('BEGIN; LOCK TABLE second IN ACCESS EXCLUSIVE MODE');
  const keeper = beginKeeper(database);
  await sleep(300);
  keeper.release();
  expect(await releaseSnapshot(database, keeper.backupId)).toBe(1);
  expect(await keeper.outcome).toEqual({ kind: 'released' });
});

test("cleaning up ends all sessions of the run and nobody else's", async () => {
  await using keeper = await startKeeper(database);
  await using other = await startKeeper(database);
  const { text, rows } = await lookAt(database, keeper);
  const worker = await joinSnapshot(database, { ...keeper, text, name: 'w7', lock: rows });
  expect(await endSessionsOf(database, keeper.backupId)).toBe(2);
  await expect(worker.query('SELECT 1')).rejects.toThrow();
  await worker.end();
  expect(await sessionsNamed(other.backupId)).toHaveLength(1);
});

test('time-outs of the role and the database do not end a keeper', async () => {
  await using session = await sessionOf(source.url);
  for (const name of [
    'statement_timeout',
    'idle_in_transaction_session_timeout',
    'idle_session_timeout',
    'transaction_timeout',
  ])
    await session.execute(`ALTER DATABASE "${source.name}" SET ${name} = '300ms'`);
  try {
    await using keeper = await startKeeper(database);
    await sleep(1200);
    expect(await countUnder(keeper, 'first')).toBe(1000);
  } finally {
    await session.execute(`ALTER DATABASE "${source.name}" RESET ALL`);
  }
});

test('a table that the role may not read, or only in part, is named before anything is locked', async () => {
  const role = await freshRole();
  await using session = await sessionOf(source.url);
  await session.execute(`GRANT SELECT ON first TO "${role.name}"`);
  const asRole = await openDatabase(source.urlAs(role));
  const keeper = beginKeeper(asRole);
  await expect(keeper.outcome).rejects.toThrow(TableNotReadable);
  await expect(keeper.outcome).rejects.toThrow('public.second');
  await expect(lookAt(asRole, keeper)).rejects.toThrow(TableNotReadable);

  const leaveOut = { ...everything, excludeTables: ['second'] };
  await session.execute('ALTER TABLE first ENABLE ROW LEVEL SECURITY');
  await expect(beginKeeper(asRole, { leaveOut }).outcome).rejects.toThrow(/row security .* public\.first/);

  const dataOut = { ...leaveOut, excludeTableData: ['first'] };
  await using allowed = await startKeeper(asRole, { leaveOut: dataOut });
  const opened = await lookAt(asRole, allowed, dataOut);
  expect(opened.definitionOnly.map(({ name }) => name)).toEqual(['first']);
});

test('a role without rights on the activity of others sees who waits for its locks', async () => {
  const role = await freshRole();
  await using session = await sessionOf(source.url);
  await session.execute(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO "${role.name}"`);
  await using keeper = await startKeeper(await openDatabase(source.urlAs(role)), { blockedSeconds: 1 });
  await session.execute('ALTER TABLE first ADD COLUMN more int');
  await expect(keeper.outcome).rejects.toThrow(BackupYielded);
});

test('a pattern that matches nothing is said by the keeper and by OpenSnapshot', async () => {
  const leaveOut = { ...everything, excludeTableData: ['frist'] };
  const keeper = beginKeeper(database, { leaveOut });
  await expect(keeper.outcome).rejects.toThrow(PatternMatchesNothing);
  await expect(lookAt(database, keeper, leaveOut)).rejects.toThrow('is it first?');
});

test('without a keeper the snapshot is not ready', async () => {
  const keeper = { backupId: newBackupId(), round: 1 } as Awaited<ReturnType<typeof startKeeper>>;
  await expect(lookAt(database, keeper)).rejects.toThrow(SnapshotNotReady);
});
