import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { LockTableTooSmall } from '../../functions/snapshot/errors.ts';
import { type PostgresServer, startPostgres } from '../../local/servers/postgres.ts';
import { cliInProcess } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { beginKeeper, everything, sessionOf, startKeeper } from './start-keeper.ts';

let server: PostgresServer;

beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  server = await startPostgres({ settings: { max_locks_per_transaction: '10', max_connections: '15' } });
  await using session = await sessionOf(server.url('postgres'));
  for (let from = 0; from < 180; from += 30) {
    const tables = Array.from({ length: 30 }, (_, index) => `CREATE TABLE t${from + index} (a int)`);
    await session.execute(tables.join(';'));
  }
});
afterAll(() => server.stop());

test('a lock table without room for every table is refused with the value that it needs', async () => {
  const database = await openDatabase(server.url('postgres'));
  const { outcome } = beginKeeper(database);
  await expect(outcome).rejects.toThrow(LockTableTooSmall);
  await expect(outcome).rejects.toThrow(/max_locks_per_transaction = 31\b/);
  await using _ = await startKeeper(database, { leaveOut: { ...everything, excludeTables: ['t1??'] } });
});

test('room for the tables is enough: their indexes and sequences need none', async () => {
  await using admin = await sessionOf(server.url('postgres'));
  await admin.query('CREATE DATABASE indexed');
  await using session = await sessionOf(server.url('indexed'));
  const unique = Array.from({ length: 12 }, (_, index) => `a${index} int UNIQUE`).join();
  for (let table = 0; table < 140; table++)
    await session.execute(
      `CREATE TABLE t${table} (id serial PRIMARY KEY, ${unique}); INSERT INTO t${table} DEFAULT VALUES`,
    );
  const { code, stderr } = await cliInProcess([
    ...['backup', '--source', server.url('indexed'), '--store', (await freshBucket()).uri(), '--jobs', '1'],
  ]);
  expect(code, stderr).toBe(0);
});

test('what is left out is named in a line, however much it is', async () => {
  const { code, stdout, stderr } = await cliInProcess([
    ...['backup', '--source', server.url('postgres'), '--store', (await freshBucket()).uri(), '--jobs', '1'],
    ...['--exclude-table', 't1??'],
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/\n {2}left out: public\.t100, (public\.t\d+, ){8}public\.t109 and 70 more\n/);
});

test('a lock table that others have filled is refused in the same words', async () => {
  const database = await openDatabase(server.url('postgres'));
  await using hoarder = await sessionOf(server.url('postgres'));
  await expect(
    hoarder.query('SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 100000) n'),
  ).rejects.toMatchObject({ sqlState: '53200' });
  await hoarder.query('SELECT count(pg_advisory_unlock(n)) FROM generate_series(1, 40) n');
  const { outcome } = beginKeeper(database, { leaveOut: { ...everything, excludeTables: ['t1??'] } });
  await expect(outcome).rejects.toThrow(LockTableTooSmall);
});
