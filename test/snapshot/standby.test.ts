import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { SnapshotLost, TableNotReadable } from '../../functions/snapshot/errors.ts';
import { joinSnapshot } from '../../functions/snapshot/import-snapshot.ts';
import { releaseSnapshot } from '../../functions/snapshot/release.ts';
import { beginKeeper, everything, lookAt, sessionOf, startKeeper } from './start-keeper.ts';
import { type PrimaryAndStandby, startStandby } from './start-standby.ts';

let servers: PrimaryAndStandby;
let database: Database;

beforeAll(async () => {
  servers = await startStandby();
  database = await openDatabase(servers.standbyUrl('postgres'));
  await using session = await sessionOf(servers.primary.url('postgres'));
  await session.execute(
    'CREATE TABLE things AS SELECT generate_series(1, 10) AS id; CREATE TABLE ids (id serial)',
  );
  await replayed();
});
afterAll(() => servers.stop());

/** Waits until the standby has replayed what the primary has written. */
async function replayed(): Promise<void> {
  await using primary = await sessionOf(servers.primary.url('postgres'));
  await using standby = await sessionOf(servers.standbyUrl('postgres'));
  const [written] = await primary.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  for (;;) {
    const [row] = await standby.query<{ done: boolean }>(
      'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done',
      [written?.lsn],
    );
    if (row?.done) return;
    await sleep(20);
  }
}

test('a standby is a source: snapshot, position of the log, rows and sequences', async () => {
  await using keeper = await startKeeper(database);
  const { source, walPosition, rows, positions, text } = await lookAt(database, keeper);
  expect(source.standby).toBe(true);
  expect(walPosition).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  expect(positions).toHaveLength(1);
  await using primary = await sessionOf(servers.primary.url('postgres'));
  await primary.execute('INSERT INTO things VALUES (11)');
  await replayed();
  const worker = await joinSnapshot(database, { ...keeper, text, name: 'w1', lock: rows });
  expect(await worker.query('SELECT count(*)::int AS n FROM things')).toEqual([{ n: 10 }]);
  await worker.end();
  await primary.execute('DELETE FROM things WHERE id = 11');
});

test('a snapshot of a standby is handed over, and workers still know it', async () => {
  await replayed();
  await using first = await startKeeper(database);
  const { text, rows } = await lookAt(database, first);
  await using second = await startKeeper(database, { backupId: first.backupId, wasOpened: async () => true });
  expect(await first.outcome).toEqual({ kind: 'handedOver' });
  const worker = await joinSnapshot(database, { ...second, text, name: 'w1', lock: rows });
  expect(await worker.query('SELECT count(*)::int AS n FROM things')).toEqual([{ n: 10 }]);
  await worker.end();
});

test('two snapshots of a standby that read the same are told apart', async () => {
  await using first = await sessionOf(servers.primary.url('postgres'));
  await using second = await sessionOf(servers.primary.url('postgres'));
  await using third = await sessionOf(servers.primary.url('postgres'));
  // The oldest and the newest transaction stay the same while the one between them commits
  await first.execute('BEGIN; INSERT INTO things VALUES (21)');
  await second.execute('BEGIN; INSERT INTO things VALUES (22)');
  await third.execute('INSERT INTO things VALUES (23)');
  await replayed();
  await using lost = await startKeeper(database);
  const told = await lookAt(database, lost);
  await releaseSnapshot(database, lost.backupId);
  await second.execute('COMMIT');
  await replayed();
  await using next = await startKeeper(database, { backupId: lost.backupId });
  const other = await lookAt(database, next);
  expect(other.text.split(' ')[0]).toBe(told.text.split(' ')[0]);
  await expect(
    joinSnapshot(database, { ...lost, text: told.text, name: 'w1', lock: told.rows }),
  ).rejects.toThrow(SnapshotLost);
  await first.execute('COMMIT');
});

test('tables without a log have no rows on a standby, and are named', async () => {
  await using primary = await sessionOf(servers.primary.url('postgres'));
  await primary.execute('CREATE UNLOGGED TABLE quick (a int)');
  await replayed();
  const keeper = beginKeeper(database);
  await expect(keeper.outcome).rejects.toThrow(TableNotReadable);
  await expect(keeper.outcome).rejects.toThrow('public.quick');
  await using _ = await startKeeper(database, { leaveOut: { ...everything, excludeTableData: ['quick'] } });
  await primary.execute('DROP TABLE quick');
});

test('a standby that ends the keeper, to replay a migration, loses the snapshot and says why', async () => {
  await using keeper = await startKeeper(database);
  await using primary = await sessionOf(servers.primary.url('postgres'));
  await primary.execute('ALTER TABLE things ADD COLUMN more int');
  await expect(keeper.outcome).rejects.toThrow(SnapshotLost);
  await expect(keeper.outcome).rejects.toThrow('conflict with recovery');
  await replayed();
});
