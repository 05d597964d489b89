import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { SnapshotLost } from '../../functions/snapshot/errors.ts';
import { findKeepers } from '../../functions/snapshot/find-keeper.ts';
import { joinSnapshot } from '../../functions/snapshot/import-snapshot.ts';
import type { OpenedSnapshot } from '../../functions/snapshot/open-snapshot.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { beginKeeper, lookAt, type RunningKeeper, sessionOf, startKeeper } from './start-keeper.ts';

let source: FreshDatabase;
let database: Database;

beforeAll(async () => {
  source = await freshDatabase();
  database = await openDatabase(source.url);
  await using session = await sessionOf(source.url);
  await session.execute('CREATE TABLE things AS SELECT generate_series(1, 100) AS id');
});
afterAll(() => source.drop());

/** What a worker finds that joins now. */
async function countNow(keeper: RunningKeeper, { text, rows }: OpenedSnapshot): Promise<number> {
  const session = await joinSnapshot(database, {
    backupId: keeper.backupId,
    round: keeper.round,
    text,
    name: 'w1',
    lock: rows,
  });
  try {
    const [row] = await session.query<{ n: number }>('SELECT count(*)::int AS n FROM things');
    return row?.n ?? 0;
  } finally {
    await session.end();
  }
}

test('a snapshot is handed from keeper to keeper, each leaving only when the next one has it', async () => {
  await using writer = await sessionOf(source.url);
  await using first = await startKeeper(database);
  const opened = await lookAt(database, first);
  let current: RunningKeeper = first;
  for (let turn = 1; turn <= 12; turn++) {
    await writer.execute(`INSERT INTO things VALUES (${1000 + turn})`);
    const next = await startKeeper(database, { backupId: first.backupId, wasOpened: async () => true });
    expect((await findKeepers(writer, first.backupId, 1)).length).toBeGreaterThan(0);
    expect(await current.outcome).toEqual({ kind: 'handedOver' });
    expect(await countNow(next, opened)).toBe(100);
    current = next;
  }
  expect((await lookAt(database, current)).text).toBe(opened.text);
  await current[Symbol.asyncDispose]();
  await writer.execute('DELETE FROM things WHERE id > 1000');
}, 120_000);

test('workers join at every moment of a hand-over', async () => {
  await using writer = await sessionOf(source.url);
  await using first = await startKeeper(database);
  const opened = await lookAt(database, first);
  let over = false;
  const joining = (async () => {
    let joined = 0;
    while (!over) {
      await writer.execute('INSERT INTO things VALUES (2000)');
      expect(await countNow(first, opened)).toBe(100);
      joined += 1;
    }
    return joined;
  })();
  joining.catch(() => {});
  let current: RunningKeeper = first;
  for (let turn = 1; turn <= 4; turn++) {
    const next = await startKeeper(database, { backupId: first.backupId });
    await current.outcome;
    current = next;
  }
  over = true;
  expect(await joining).toBeGreaterThan(10);
  await current[Symbol.asyncDispose]();
  await writer.execute('DELETE FROM things WHERE id >= 1000');
}, 120_000);

test('nothing can rewrite a table between two keepers', async () => {
  await using migration = await sessionOf(source.url);
  await using first = await startKeeper(database, { blockedSeconds: 60 });
  await using second = await startKeeper(database, { backupId: first.backupId, blockedSeconds: 60 });
  const truncated = migration.execute(`SET lock_timeout = '6s'; TRUNCATE things`);
  truncated.catch(() => {});
  expect(await first.outcome).toEqual({ kind: 'handedOver' });
  await expect(truncated).rejects.toMatchObject({ sqlState: '55P03' });
  second.release();
  await second.outcome;
});

test('a keeper that finds no keeper opens no other snapshot when there was one already', async () => {
  await using lost = await startKeeper(database);
  await using killer = await sessionOf(source.url);
  await killer.execute(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'replicator:${lost.backupId}:%'`,
  );
  await expect(lost.outcome).rejects.toThrow(SnapshotLost);
  await using next = beginKeeper(database, { backupId: lost.backupId, wasOpened: async () => true });
  await expect(next.outcome).rejects.toThrow('ended before its successor came');
});

test('a successor that comes after the release takes nothing', async () => {
  await using keeper = await startKeeper(database);
  await using late = beginKeeper(database, { backupId: keeper.backupId, isReleased: async () => true });
  expect(await late.outcome).toEqual({ kind: 'released' });
  await sleep(2_500);
  await using session = await sessionOf(source.url);
  expect(await findKeepers(session, keeper.backupId, 1)).toHaveLength(1);
});

test('a successor that finds a table locked waits for it while its predecessor keeps the snapshot', async () => {
  await using keeper = await startKeeper(database, { blockedSeconds: 60 });
  const opened = await lookAt(database, keeper);
  await using migration = await sessionOf(source.url);
  const waiting = migration.execute(`SET lock_timeout = '3s'; LOCK TABLE things IN ACCESS EXCLUSIVE MODE`);
  waiting.catch(() => {});
  await sleep(500);
  await using next = beginKeeper(database, { backupId: keeper.backupId, blockedSeconds: 60 });
  await expect(waiting).rejects.toMatchObject({ sqlState: '55P03' });
  await next.opened;
  expect(await keeper.outcome).toEqual({ kind: 'handedOver' });
  expect(await countNow(next, opened)).toBe(100);
});
