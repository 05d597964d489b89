import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { slowBackup } from './slow-backup.ts';

/** Together the accounts of both tables always hold a million; a ledger says how often money has moved. */
const schema = `
  CREATE TABLE checking (id int PRIMARY KEY, amount bigint, filler text);
  CREATE TABLE saving (id int PRIMARY KEY, amount bigint, filler text);
  CREATE TABLE ledger (moves bigint);
  INSERT INTO checking SELECT g, 100, repeat(md5(g::text), 20) FROM generate_series(1, 5000) g;
  INSERT INTO saving SELECT g, 100, repeat(md5(g::text), 20) FROM generate_series(1, 5000) g;
  INSERT INTO ledger VALUES (0);
`;

let source: FreshDatabase;
let target: FreshDatabase;
let uri: string;
beforeEach(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await freshDatabase({ name: 'bank' });
  target = await freshDatabase({ name: 'copied_bank' });
  uri = (await freshBucket()).uri();
  const session = await superuserSession(source.name);
  await session.execute(schema);
  await session.end();
});
afterEach(async () => {
  await source.drop();
  await target.drop();
});

/** Moves money between tables, and rows to new places, for as long as the work takes. */
async function whileWriting<T>(work: () => Promise<T>): Promise<{ result: T; moves: number }> {
  const writing = new AbortController();
  let moves = 0;
  const writer = (async () => {
    const session = await superuserSession(source.name);
    try {
      while (!writing.signal.aborted) {
        const [from, to, id] = [
          moves % 2 ? 'saving' : 'checking',
          moves % 2 ? 'checking' : 'saving',
          1 + ((moves * 7919) % 5000),
        ];
        await session.execute(`BEGIN;
          UPDATE ${from} SET amount = amount - 3 WHERE id = ${id};
          UPDATE ${to} SET amount = amount + 3 WHERE id = ${1 + ((id * 31) % 5000)};
          UPDATE ledger SET moves = moves + 1;
          COMMIT`);
        moves += 1;
      }
    } finally {
      await session.end();
    }
  })();
  try {
    return { result: await work(), moves };
  } finally {
    writing.abort();
    await writer;
  }
}

async function one<T>(database: FreshDatabase, sql: string): Promise<T> {
  const session = await superuserSession(database.name);
  try {
    const [row] = await session.query<{ value: T }>(sql);
    return row?.value as T;
  } finally {
    await session.end();
  }
}

const total = '(SELECT sum(amount) FROM checking) + (SELECT sum(amount) FROM saving)';

async function expectConsistentCopy(): Promise<number> {
  await verbs().restore({ store: uri, target: target.url });
  expect(await one(target, `SELECT (${total})::int AS value`)).toBe(1_000_000);
  expect(await one(target, 'SELECT count(*)::int AS value FROM checking')).toBe(5000);
  expect(await one(target, 'SELECT count(*)::int AS value FROM saving')).toBe(5000);
  return one<number>(target, 'SELECT moves::int AS value FROM ledger');
}

/** What every backup here does: many shards, several workers. */
const options = () => ({ source: source.url, store: uri, jobs: 3, shardSize: '1MiB' });

test('a backup made while money moves between two tables holds all of it', async () => {
  const { moves } = await whileWriting(() => verbs().backup(options()));
  expect(moves).toBeGreaterThan(20);
  const copied = await expectConsistentCopy();
  expect(copied).toBeGreaterThan(0);
  expect(copied).toBeLessThanOrEqual(await one<number>(source, 'SELECT moves::int AS value FROM ledger'));
});

/** Ends the first keeper that appears, once it has been seen by a worker or right away. */
async function endKeeper(afterMs: number): Promise<void> {
  const session = await superuserSession(source.name);
  try {
    for (let ended = 0; ended === 0; ) {
      await sleep(5);
      const rows = await session.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^replicator:[^:]+:[0-9A-F]{8}-[0-9A-F]{8}-'",
      );
      if (rows.length === 0) continue;
      await sleep(afterMs);
      ended = rows.length;
      for (const { pid } of rows) await session.query('SELECT pg_terminate_backend($1)', [pid]);
    }
  } finally {
    await session.end();
  }
}

test.each([0, 150, 400])(
  'a backup whose keeper is lost %i ms after it opened never holds rows of two snapshots',
  async (after) => {
    const { result } = await whileWriting(async () => {
      const [done] = await Promise.all([verbs().backup(options()), endKeeper(after)]);
      return done;
    });
    expect(result.tables).toBe(3);
    await expectConsistentCopy();
  },
);

test('a backup that loses its keeper twice fails, and says that the snapshot was lost', async () => {
  const failed = verbs().backup(options());
  failed.catch(() => {});
  await endKeeper(0);
  await endKeeper(0);
  await expect(failed).rejects.toMatchObject({ code: 'SnapshotLost', exitCode: 1 });
});

test('sessions that forge the names of keepers change nothing', async () => {
  const forger = await superuserSession(source.name);
  const forging = new AbortController();
  const work = (async () => {
    const watcher = await superuserSession(source.name);
    while (!forging.signal.aborted) {
      await sleep(5);
      const [keeper] = await watcher.query<{ name: string }>(
        "SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^replicator:[^:]+:[0-9A-F]{8}-'",
      );
      if (!keeper) continue;
      // A real snapshot of another moment, under the backup's name
      await forger.execute('BEGIN ISOLATION LEVEL REPEATABLE READ');
      const [exported] = await forger.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
      await forger.execute(
        `SET application_name = '${keeper.name.split(':').slice(0, 2).join(':')}:${exported?.id}'`,
      );
      break;
    }
    await watcher.end();
  })();
  await whileWriting(() => verbs().backup(options()));
  forging.abort();
  await work;
  await forger.end();
  await expectConsistentCopy();
});

test('a migration that waits for the backup gets its turn, and the backup starts over once', async () => {
  const migration = await superuserSession(source.name);
  const reader = await superuserSession(source.name);
  let waited = 0;
  let readerWaited = 0;
  const migrate = async () => {
    // As soon as a keeper holds its locks
    while (
      !(await one<boolean>(
        source,
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name LIKE 'replicator:%' AND l.relation = 'checking'::regclass AND l.granted) AS value",
      ))
    )
      await sleep(5);
    const began = performance.now();
    const altered = migration.execute('ALTER TABLE checking ADD COLUMN added int');
    await sleep(50);
    const readBegan = performance.now();
    await reader.query('SELECT count(*) FROM checking');
    readerWaited = performance.now() - readBegan;
    await altered;
    waited = performance.now() - began;
  };
  const [output] = await Promise.all([
    slowBackup({ source: source.url, store: uri }, { blockedSeconds: 1 }, 6_000),
    migrate(),
  ]);
  await Promise.all([migration.end(), reader.end()]);
  expect(output).toMatchObject({ run: { round: 2 } });
  expect(waited).toBeLessThan(3_000);
  expect(readerWaited).toBeLessThan(3_000);
  await verbs().restore({ store: uri, target: target.url });
  expect(
    await one(
      target,
      "SELECT count(*)::int AS value FROM information_schema.columns WHERE table_name = 'checking'",
    ),
  ).toBe(4);
});
