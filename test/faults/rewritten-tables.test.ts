import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';

/** What a transaction has done to its table, and not committed, when the backup begins. */
const rewrites = [
  { table: 'altered', statement: 'ALTER TABLE altered ALTER amount TYPE numeric(12,2)', end: 'COMMIT' },
  { table: 'unaltered', statement: 'ALTER TABLE unaltered ALTER amount TYPE text', end: 'ROLLBACK' },
  {
    table: 'refilled',
    statement: 'TRUNCATE refilled; INSERT INTO refilled SELECT g, -g FROM generate_series(1, 70) g',
    end: 'COMMIT',
  },
  { table: 'spared', statement: 'TRUNCATE spared', end: 'ROLLBACK' },
  { table: 'emptied', statement: 'TRUNCATE emptied', end: 'COMMIT' },
  {
    table: 'replaced',
    statement: 'DROP TABLE replaced; CREATE TABLE replaced AS SELECT 8 AS id, 9 AS amount',
    end: 'COMMIT',
  },
];

/** Waits until the backup is about to open its snapshot. */
async function keeperAt(source: FreshDatabase): Promise<void> {
  const session = await superuserSession(source.name);
  const look = "SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE '%:opening'";
  while ((await session.query(look, [source.name])).length === 0) await sleep(10);
  await session.end();
}

test('tables that are rewritten or emptied while the snapshot opens have the rows that they have after it', async () => {
  Object.assign(process.env, inject('servers').s3.env);
  const source = await freshDatabase({ name: 'rewritten' });
  const target = await freshDatabase({ name: 'copied' });
  const uri = (await freshBucket()).uri();
  const writers = await Promise.all(
    rewrites.map(async ({ table, statement }) => {
      const session = await superuserSession(source.name);
      await session.execute(
        `CREATE TABLE ${table} (id int, amount int); INSERT INTO ${table} SELECT g, g FROM generate_series(1, 100) g`,
      );
      await session.execute(`BEGIN; ${statement}`);
      return session;
    }),
  );
  const backup = verbs().backup({ source: source.url, store: uri });
  await keeperAt(source);
  // One after another, so that the backup finds some of them still locked each time that it tries
  for (const [index, { end }] of rewrites.entries()) {
    await sleep(150);
    await writers[index]?.execute(end);
  }
  await backup;
  await verbs().restore({ store: uri, target: target.url });
  const session = await superuserSession(target.name);
  const found = await session.query(
    rewrites
      .map(
        ({ table }) =>
          `SELECT '${table}' AS name, count(*)::int AS rows, sum(amount::numeric)::float8 AS sum, min(pg_typeof(amount)::text) AS type FROM ${table}`,
      )
      .join(' UNION ALL '),
  );
  await Promise.all([...writers, session].map((each) => each.end()));
  expect(found).toEqual([
    { name: 'altered', rows: 100, sum: 5050, type: 'numeric' },
    { name: 'unaltered', rows: 100, sum: 5050, type: 'integer' },
    { name: 'refilled', rows: 70, sum: -2485, type: 'integer' },
    { name: 'spared', rows: 100, sum: 5050, type: 'integer' },
    { name: 'emptied', rows: 0, sum: null, type: null },
    { name: 'replaced', rows: 1, sum: 9, type: 'integer' },
  ]);
  await source.drop();
  await target.drop();
});
