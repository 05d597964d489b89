import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { compareDatabases } from '../../local/compare-databases.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { verbs } from './replicator.ts';

/** Tables that refer to one another both ways, a sequence, a log that grows, a partitioned table. */
const schema = `
  CREATE TABLE site (id int PRIMARY KEY, name text UNIQUE, main_device int);
  CREATE TABLE device (id serial PRIMARY KEY, site_id int NOT NULL REFERENCES site DEFERRABLE INITIALLY DEFERRED, name text);
  ALTER TABLE site ADD FOREIGN KEY (main_device) REFERENCES device DEFERRABLE INITIALLY DEFERRED;
  CREATE TABLE extras_objectchange (id bigint GENERATED ALWAYS AS IDENTITY, data jsonb);
  CREATE TABLE metric (at date, value int) PARTITION BY RANGE (at);
  CREATE TABLE metric_2025 PARTITION OF metric FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE metric_2026 PARTITION OF metric FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE MATERIALIZED VIEW per_site AS SELECT site_id, count(*) FROM device GROUP BY 1;
  BEGIN;
  INSERT INTO site SELECT g, 'site ' || g, g FROM generate_series(1, 50) g;
  INSERT INTO device (site_id, name) SELECT g, 'device ' || g FROM generate_series(1, 50) g;
  COMMIT;
  INSERT INTO extras_objectchange (data) SELECT jsonb_build_object('n', g) FROM generate_series(1, 500) g;
  INSERT INTO metric SELECT '2025-06-01'::date + g, g FROM generate_series(0, 364) g;
  REFRESH MATERIALIZED VIEW per_site;
`;

let source: FreshDatabase;
const drops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  source = await freshDatabase();
  drops.push(source.drop);
  const session = await superuserSession(source.name);
  await session.execute(schema);
  await session.end();
});
afterAll(async () => {
  for (const drop of drops) await drop();
});

async function emptyTarget(): Promise<FreshDatabase> {
  const target = await freshDatabase();
  drops.push(target.drop);
  return target;
}

async function rows(database: FreshDatabase, sql: string) {
  const session = await superuserSession(database.name);
  try {
    return await session.query(sql);
  } finally {
    await session.end();
  }
}

describe('a backup of a part', () => {
  it('keeps a table whose rows it leaves out, and fills the others', async () => {
    const store = (await freshBucket()).uri();
    const target = await emptyTarget();
    const done = await verbs().backup({
      source: source.url,
      store,
      excludeTableData: ['extras_objectchange', 'metric'],
    });
    expect(done.leftOut.rowsOf).toEqual(
      expect.arrayContaining(['public.extras_objectchange', 'public.metric_2025', 'public.metric_2026']),
    );
    await verbs().restore({ store, target: target.url });
    const comparison = await compareDatabases(await openDatabase(source.url), await openDatabase(target.url));
    expect(comparison.tables.map(({ table, right }) => [table, right?.rows])).toEqual([
      ['public.extras_objectchange', 0],
      ['public.metric', 0],
    ]);
  });

  it('defines a materialised view without filling it where its data are left out', async () => {
    const store = (await freshBucket()).uri();
    const target = await emptyTarget();
    await verbs().backup({ source: source.url, store, excludeTableData: ['per_site'] });
    await verbs().restore({ store, target: target.url });
    expect(
      await rows(target, "SELECT relispopulated AS filled FROM pg_class WHERE relname = 'per_site'"),
    ).toEqual([{ filled: false }]);
  });

  it('without a table at all has neither its definition nor its rows', async () => {
    const store = (await freshBucket()).uri();
    const target = await emptyTarget();
    const done = await verbs().backup({ source: source.url, store, excludeTable: ['metric'] });
    expect(done.leftOut.tables).toEqual(expect.arrayContaining(['public.metric', 'public.metric_2025']));
    await verbs().restore({ store, target: target.url });
    expect(await rows(target, "SELECT relname FROM pg_class WHERE relname LIKE 'metric%'")).toEqual([]);
    expect(await rows(target, 'SELECT count(*)::int AS n FROM device')).toEqual([{ n: 50 }]);
  });

  it('with the schema only restores every definition and no row', async () => {
    const store = (await freshBucket()).uri();
    const target = await emptyTarget();
    await verbs().backup({ source: source.url, store, schemaOnly: true });
    await verbs().restore({ store, target: target.url });
    const comparison = await compareDatabases(await openDatabase(source.url), await openDatabase(target.url));
    expect(comparison.tables.every(({ right }) => right === undefined || right.rows === 0)).toBe(true);
    expect(await rows(target, "SELECT count(*)::int AS n FROM pg_constraint WHERE contype = 'f'")).toEqual([
      { n: 2 },
    ]);
  });
});

describe('a restore of one table', () => {
  it('replaces its rows in a target that stays in use, and touches nothing else', async () => {
    const store = (await freshBucket()).uri();
    const target = await emptyTarget();
    await verbs().backup({ source: source.url, store });
    await verbs().restore({ store, target: target.url });
    await rows(
      target,
      "UPDATE device SET name = 'changed'; DELETE FROM extras_objectchange WHERE id > 10; SELECT 1",
    );
    const [before] = await rows(
      target,
      'SELECT oid::text FROM pg_database WHERE datname = current_database()',
    );
    await verbs().restore({ store, target: target.url, table: ['device'] });
    expect(await rows(target, "SELECT count(*)::int AS n FROM device WHERE name LIKE 'device %'")).toEqual([
      { n: 50 },
    ]);
    expect(await rows(target, 'SELECT count(*)::int AS n FROM extras_objectchange')).toEqual([{ n: 10 }]);
    expect(
      await rows(target, 'SELECT oid::text FROM pg_database WHERE datname = current_database()'),
    ).toEqual([before]);
    expect(
      await rows(target, "SELECT count(*)::int AS n FROM pg_constraint WHERE contype = 'f' AND convalidated"),
    ).toEqual([{ n: 2 }]);
  });

  it('is refused whole when other rows of the target refer to what it would take away', async () => {
    const store = (await freshBucket()).uri();
    const target = await emptyTarget();
    await verbs().backup({ source: source.url, store });
    await verbs().restore({ store, target: target.url });
    await rows(
      target,
      "INSERT INTO site VALUES (99, 'new', NULL); INSERT INTO device (site_id, name) VALUES (99, 'its device'); SELECT 1",
    );
    await expect(verbs().restore({ store, target: target.url, table: ['site'] })).rejects.toThrow(
      /device|foreign key/,
    );
    expect(await rows(target, 'SELECT name FROM site WHERE id = 99')).toEqual([{ name: 'new' }]);
    expect(
      await rows(target, "SELECT datname FROM pg_database WHERE datname LIKE current_database() || '\\_%'"),
    ).toEqual([]);
  });
});
