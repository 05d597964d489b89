import { afterAll, beforeAll, expect, test } from 'vitest';
import { RowsResult } from '../../functions/archive/shard-result.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { quoteName } from '../../functions/postgres/quote.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { copyShard } from '../../functions/rows/copy-shard.ts';
import { pageSteps } from '../../functions/rows/page-steps.ts';
import { planShards } from '../../functions/rows/plan-shards.ts';
import type { PlannedChunk } from '../../functions/rows/shard-plan.ts';
import { endless, Lifetime } from '../../functions/run/lifetime.ts';
import { silence } from '../../functions/run/progress.ts';
import { SnapshotLost } from '../../functions/snapshot/errors.ts';
import { type OpenedSnapshot, openSnapshot } from '../../functions/snapshot/open-snapshot.ts';
import { releaseSnapshot } from '../../functions/snapshot/release.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { everything, type RunningKeeper, sessionOf, startKeeper } from '../snapshot/start-keeper.ts';
import { TextObject } from './rows-object.ts';

let source: FreshDatabase;
let database: Database;

const schema = `
  CREATE SCHEMA "Odd ""schema""";
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE TYPE mood AS ENUM ('sad', 'gl,ad');
  CREATE TYPE pair AS (a int, b text);
  CREATE TABLE "Odd ""schema"""."T ""quoted"" . ?" ("C ""quoted""" text, "select" int);
  CREATE TABLE values_of_many_kinds (id int, t text, b bytea, f float8, r real, n numeric, at timestamptz, d date, i interval,
    j jsonb, a text[], m mood, p pair, dom positive, rng int4range, x xml, bits bit(3), u uuid, money money);
  CREATE TABLE long (id int GENERATED ALWAYS AS IDENTITY, body text, twice int GENERATED ALWAYS AS (2) STORED);
  CREATE TABLE holes (id int, filler text);
  CREATE TABLE nothing ();
  CREATE TABLE only_generated (a int GENERATED ALWAYS AS (7) STORED);
  CREATE TABLE empty (id int);
  CREATE TABLE huge (body text);
  CREATE TABLE parent (id int);
  CREATE TABLE child (more text) INHERITS (parent);
  CREATE TABLE parted (id int, m mood) PARTITION BY HASH (m);
  CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE dropped (gone int, kept int, added int DEFAULT 5);
  ALTER TABLE dropped DROP COLUMN gone;`;

const rows = `
  INSERT INTO "Odd ""schema"""."T ""quoted"" . ?" VALUES ('x', 1), (NULL, NULL), ('', 0);
  INSERT INTO values_of_many_kinds VALUES
    (1, E'tab\\tnewline\\nreturn\\rback\\\\slash \\\\. \\\\N', '\\x00ff0a5c', 0.1, 1e-30, 'NaN', '2026-11-23 05:43:00.123456+05:30', '4713-01-01 BC',
     '1 year -2 days 03:04:05.6', '{"k": ["é", null]}', ARRAY['a,b', NULL, '"', ''], 'gl,ad', ROW(1, 'x"y'), 3, '[1,5)', '<a/>', '101',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '12.34'),
    (2, '\\.', '', 'Infinity', 'NaN', 1e100, '-infinity', 'infinity', '0', 'null', '{}', 'sad', NULL, NULL, 'empty', NULL, '000', NULL, NULL);
  INSERT INTO long (body) SELECT repeat(md5(n::text), 1 + n % 60) FROM generate_series(1, 6000) n;
  INSERT INTO holes SELECT n, repeat('x', 500) FROM generate_series(1, 6000) n;
  DELETE FROM holes WHERE id BETWEEN 1000 AND 4000 OR id > 5900;
  INSERT INTO nothing SELECT FROM generate_series(1, 17);
  INSERT INTO only_generated SELECT FROM generate_series(1, 3);
  INSERT INTO huge SELECT repeat('0123456789', 600000);
  INSERT INTO parent VALUES (1), (2);
  INSERT INTO child VALUES (3, 'three');
  INSERT INTO parted SELECT n, CASE WHEN n % 3 = 0 THEN 'sad' ELSE 'gl,ad' END::mood FROM generate_series(1, 100) n;
  INSERT INTO dropped VALUES (1), (2);`;

beforeAll(async () => {
  source = await freshDatabase();
  database = await openDatabase(source.url);
  await using session = await sessionOf(source.url);
  await session.execute(schema);
  await session.execute(rows);
});
afterAll(() => source.drop());

const fromBegin = { leg: 1, start: { chunk: 0, page: null }, life: endless };

async function opened(keeper: RunningKeeper): Promise<OpenedSnapshot> {
  return openSnapshot({ database, ...keeper, leaveOut: everything });
}

interface Copied {
  readonly results: RowsResult[];
  readonly text: string;
  /** The rows of one table, its chunks put together. */
  rowsOf(name: string): string;
}

async function copyAll(keeper: RunningKeeper, shardBytes: number, stepSeconds?: number): Promise<Copied> {
  const snapshot = await opened(keeper);
  const plan = planShards(snapshot.rows, { shardBytes, jobs: 1000, serverVersion: 180_000 });
  const results: RowsResult[] = [];
  const objects: TextObject[] = [];
  for (const shard of plan.shards) {
    const object = new TextObject();
    const result = await copyShard({
      database,
      ...keeper,
      text: snapshot.text,
      encoding: snapshot.source.encoding,
      plan: shard,
      ...fromBegin,
      object,
      progress: silence,
      ...(stepSeconds === undefined ? {} : { stepSeconds }),
    });
    results.push(RowsResult.parse(result));
    objects.push(object);
  }
  return {
    results,
    text: objects.map(({ text }) => text).join(''),
    rowsOf: (name) =>
      results
        .flatMap(({ chunks }, index) =>
          chunks
            .filter((chunk) => chunk.name === name)
            .map(({ offset, length }) =>
              Buffer.concat(objects[index]?.pieces ?? [])
                .subarray(offset, offset + length)
                .toString(),
            ),
        )
        .join(''),
  };
}

/** An order-independent look at all rows, as text; partitions together, for a hash may put a row elsewhere. */
async function rowsAsText(session: Session): Promise<Record<string, unknown[]>> {
  const tables = await session.query<{ schema: string; name: string }>(
    `SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1, 2`,
  );
  const all: Record<string, unknown[]> = {};
  for (const { schema, name } of tables)
    all[`${schema}.${name}`] = await session.query(
      `SELECT md5(t::text) AS row FROM ${name === 'parted' ? '' : 'ONLY'} ${quoteName(schema, name)} t ORDER BY 1`,
    );
  return all;
}

/** Runs COPY statements and their rows the way psql would. */
async function load(session: Session, text: string): Promise<void> {
  for (const [, statement = '', body = ''] of text.matchAll(
    /(COPY [^\n]* FROM stdin;)\n((?:(?!\\\.\n)[^\n]*\n)*)\\\.\n\n/g,
  )) {
    await session.copyIn(
      statement,
      (async function* () {
        yield Buffer.from(body);
      })(),
    );
  }
}

test.each([
  ['whole tables', 512 * 1024 * 1024, undefined],
  ['ranges of pages', 256 * 1024, undefined],
  ['ranges of pages in steps of few pages', 1024 * 1024, 0.0001],
])('every row of every kind of table comes over once, read as %s', async (_, shardBytes, stepSeconds) => {
  await using keeper = await startKeeper(database);
  const copied = await copyAll(keeper, shardBytes, stepSeconds);
  const target = await freshDatabase();
  await using into = await sessionOf(target.url);
  await into.execute(schema);
  await load(into, copied.text);
  await using from = await sessionOf(source.url);
  const expected = await rowsAsText(from);
  expect(Object.keys(expected)).toHaveLength(12);
  expect(await rowsAsText(into)).toEqual(expected);

  const counts = new Map<string, number>();
  for (const { schema, name, rows } of copied.results.flatMap(({ chunks }) => chunks)) {
    const key = `${schema}.${name.replace(/_[01]$/, '')}`;
    counts.set(key, (counts.get(key) ?? 0) + rows);
  }
  expect(Object.fromEntries(counts)).toEqual(
    Object.fromEntries(Object.entries(expected).map(([name, list]) => [name, list.length])),
  );
  await into.end();
  await target.drop();
});

test('the rows are the same however the table is cut', async () => {
  await using keeper = await startKeeper(database);
  const whole = await copyAll(keeper, 512 * 1024 * 1024);
  const cut = await copyAll(keeper, 64 * 1024, 0.0001);
  expect(cut.results.length).toBeGreaterThan(whole.results.length);
  for (const name of ['long', 'holes', 'huge', 'nothing', 'T "quoted" . ?'])
    expect(cut.rowsOf(name)).toBe(whole.rowsOf(name));
  expect(cut.rowsOf('holes').split('\n')).toHaveLength(2900);
});

test('a table over several shards is one COPY in the text', async () => {
  await using keeper = await startKeeper(database);
  const { text, results } = await copyAll(keeper, 64 * 1024);
  expect(
    results.flatMap(({ chunks }) => chunks).filter(({ name }) => name === 'holes').length,
  ).toBeGreaterThan(3);
  expect(text.match(/^COPY "public"."holes" /gm)).toHaveLength(1);
  expect(text.match(/^\\\.$/gm)).toHaveLength(13);
});

test('partitions whose place depends on the database go through their root', async () => {
  await using keeper = await startKeeper(database);
  const { text } = await copyAll(keeper, 512 * 1024 * 1024);
  expect(text).not.toContain('"parted_0"');
  expect(text.match(/^COPY "public"."parted" /gm)).toHaveLength(2);
});

test('rows that are committed after the snapshot are not read, rows that are deleted are', async () => {
  await using keeper = await startKeeper(database);
  const before = await copyAll(keeper, 64 * 1024);
  await using writer = await sessionOf(source.url);
  await writer.execute(
    `DELETE FROM holes WHERE id < 100; UPDATE long SET body = 'new'; INSERT INTO empty VALUES (1)`,
  );
  await writer.execute('VACUUM holes');
  const after = await copyAll(keeper, 64 * 1024);
  for (const name of ['holes', 'long', 'empty']) expect(after.rowsOf(name)).toBe(before.rowsOf(name));
  expect(before.rowsOf('holes')).toMatch(/^1\t/);
  await writer.execute('DELETE FROM empty');
});

test('a filter of an extension takes its rows out', async () => {
  await using writer = await sessionOf(source.url);
  await writer.execute(`
    CREATE EXTENSION citext;
    CREATE TABLE config AS SELECT n AS id, n > 3 AS mine FROM generate_series(1, 5) n;
    ALTER EXTENSION citext ADD TABLE config;
    UPDATE pg_extension SET extconfig = ARRAY['config'::regclass], extcondition = ARRAY['WHERE mine'] WHERE extname = 'citext'`);
  await using keeper = await startKeeper(database);
  const { rowsOf } = await copyAll(keeper, 64 * 1024);
  expect(rowsOf('config')).toBe('4\tt\n5\tt\n');
  await keeper[Symbol.asyncDispose]();
  await writer.execute('DROP EXTENSION citext CASCADE');
});

test('a connection that ends in the middle of a table fails the shard and removes its object', async () => {
  await using keeper = await startKeeper(database);
  const snapshot = await opened(keeper);
  const [plan] = planShards(
    snapshot.rows.filter(({ name }) => name === 'huge' || name === 'long'),
    { shardBytes: 512 * 1024 * 1024, jobs: 1, serverVersion: 180_000 },
  ).shards;
  if (!plan) throw new Error('no plan');
  const object = new TextObject();
  await using killer = await sessionOf(source.url);
  object.onAppend = async () => {
    await killer.execute(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'replicator:${keeper.backupId}:w1'`,
    );
  };
  const copying = copyShard({
    database,
    ...keeper,
    text: snapshot.text,
    encoding: 'UTF8',
    plan,
    ...fromBegin,
    object,
    progress: silence,
  });
  await expect(copying).rejects.toMatchObject({ code: 'ConnectionLost' });
  expect(object.aborted).toMatchObject({ code: 'ConnectionLost' });
});

test('without its keeper a shard is not begun', async () => {
  await using keeper = await startKeeper(database);
  const snapshot = await opened(keeper);
  const [plan] = planShards(snapshot.rows, { shardBytes: 1, jobs: 1, serverVersion: 130_000 }).shards;
  await releaseSnapshot(database, keeper.backupId);
  const object = new TextObject();
  await expect(
    copyShard({
      database,
      ...keeper,
      text: snapshot.text,
      encoding: 'UTF8',
      plan: plan ?? { shard: 1, bytes: 0, chunks: [] },
      ...fromBegin,
      object,
      progress: silence,
    }),
  ).rejects.toThrow(SnapshotLost);
  expect(object.pieces).toEqual([]);
  expect(object.aborted).toBeInstanceOf(SnapshotLost);
});

test('a database of unknown encoding keeps bytes that are no UTF-8', async () => {
  const raw = await freshDatabase({
    create: `TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc`,
  });
  const rawDatabase = await openDatabase(raw.url);
  await using session = await sessionOf(raw.url);
  await session.execute(
    `CREATE TABLE bytes (t text); SET client_encoding = SQL_ASCII; INSERT INTO bytes VALUES (E'\\xe9\\xff')`,
  );
  await using keeper = await startKeeper(rawDatabase);
  const snapshot = await openSnapshot({ database: rawDatabase, ...keeper, leaveOut: everything });
  const [plan] = planShards(snapshot.rows, {
    shardBytes: 1024 * 1024,
    jobs: 1,
    serverVersion: 180_000,
  }).shards;
  if (!plan) throw new Error('no plan');
  const object = new TextObject();
  await copyShard({
    database: rawDatabase,
    ...keeper,
    text: snapshot.text,
    encoding: snapshot.source.encoding,
    plan,
    ...fromBegin,
    object,
    progress: silence,
  });
  expect(Buffer.concat(object.pieces).includes(Buffer.from([0xe9, 0xff, 0x0a]))).toBe(true);
  await keeper[Symbol.asyncDispose]();
  await session.end();
  await raw.drop();
});

const chunk: PlannedChunk = {
  oid: 1,
  schema: 's',
  name: 't',
  columns: ['a'],
  condition: null,
  loadThrough: null,
  pages: { from: 100, to: null },
  pageCount: 1000,
  bytes: 1000 * 1024 * 1024,
  first: true,
  last: true,
};

test('sub-ranges tile the chunk and follow the seconds that the last one took', () => {
  let time = 0;
  const steps: [number, number | null][] = [];
  for (const { sql } of pageSteps(
    chunk,
    { from: null, stepSeconds: 5, serverVersion: 180_000 },
    () => time,
  )) {
    const [, from, to] =
      /ctid >= '\((\d+),0\)'::tid(?: AND ctid < '\((\d+),0\)'::tid)?\) TO STDOUT$/.exec(sql) ?? [];
    steps.push([Number(from), to === undefined ? null : Number(to)]);
    time += steps.length <= 2 ? 1 : 50;
  }
  expect(steps[0]).toEqual([100, 132]);
  const sizes = steps.slice(0, -1).map(([from, to]) => (to ?? 0) - from);
  expect(sizes.slice(0, 5)).toEqual([32, 128, 512, 64, 8]);
  expect(Math.min(...sizes)).toBe(1);
  steps.forEach(([from], index) => {
    expect(from).toBe(index === 0 ? 100 : steps[index - 1]?.[1]);
  });
  expect(steps.at(-1)?.[1]).toBeNull();
});

test('on a server without TID range scans, and where an extension chose the rows, a table is read in one go', () => {
  const whole = { ...chunk, pages: null };
  const of = (some: PlannedChunk, serverVersion: number) => [
    ...pageSteps(some, { from: null, stepSeconds: 5, serverVersion }),
  ];
  const sql = 'COPY "s"."t" ("a") TO STDOUT';
  expect(of(whole, 130_022)).toEqual([{ sql, to: null }]);
  expect(of({ ...whole, condition: 'WHERE a > 1' }, 180_000)).toEqual([
    { sql: 'COPY (SELECT "a" FROM ONLY "s"."t" WHERE a > 1) TO STDOUT', to: null },
  ]);
  expect(of(whole, 140_000).length).toBeGreaterThan(3);
});

/** A lifetime that the given number of sub-ranges use up. */
function lifeOf(steps: number): Lifetime {
  let left = 1000;
  const life = new Lifetime(() => left);
  return Object.defineProperty(life, 'isNearlyOver', {
    get: () => {
      left -= 1;
      return left <= 1000 - steps;
    },
  });
}

async function withManyPages(): Promise<void> {
  await using session = await sessionOf(source.url);
  await session.execute(`CREATE TABLE IF NOT EXISTS many_pages (id int, body text);
    TRUNCATE many_pages; INSERT INTO many_pages SELECT n, repeat('x', 1000) FROM generate_series(1, 6000) n`);
}

test('a shard whose lifetime ends is read in legs, which are the whole of it in its order', async () => {
  await withManyPages();
  await using keeper = await startKeeper(database);
  const snapshot = await opened(keeper);
  const [plan] = planShards(snapshot.rows, {
    shardBytes: 512 * 1024 * 1024,
    jobs: 1,
    serverVersion: 180_000,
  }).shards;
  if (!plan) throw new Error('no plan');
  const run = async (life: () => Lifetime) => {
    const texts: string[] = [];
    const results: RowsResult[] = [];
    let start: RowsResult['rest'] = { chunk: 0, page: null };
    while (start) {
      const object = new TextObject();
      const result: RowsResult = await copyShard({
        database,
        ...keeper,
        text: snapshot.text,
        encoding: 'UTF8',
        // Planned as if every page held a megabyte, so that a sub-range is a few pages
        plan: {
          ...plan,
          chunks: plan.chunks.map((each) => ({ ...each, bytes: each.pageCount * 1024 * 1024 })),
        },
        leg: results.length + 1,
        start,
        life: life(),
        object,
        progress: silence,
      });
      texts.push(object.text);
      results.push(result);
      start = result.rest;
    }
    return { text: texts.join(''), results };
  };
  const whole = await run(() => endless);
  expect(whole.results).toHaveLength(1);
  const inLegs = await run(() => lifeOf(1));
  expect(inLegs.results.length).toBeGreaterThan(5);
  expect(inLegs.results.some(({ rest }) => rest?.page !== null && rest?.page !== undefined)).toBe(true);
  expect(inLegs.text).toBe(whole.text);
});

test('a chunk ends where it has enough text, so that a restore loads it in one short transaction', async () => {
  await withManyPages();
  await using keeper = await startKeeper(database);
  const snapshot = await opened(keeper);
  const [plan] = planShards(
    snapshot.rows.filter(({ name }) => name === 'many_pages'),
    { shardBytes: 512 * 1024 * 1024, jobs: 1, serverVersion: 180_000 },
  ).shards;
  if (!plan) throw new Error('no plan');
  const object = new TextObject();
  const { chunks, rest } = await copyShard({
    database,
    ...keeper,
    ...fromBegin,
    text: snapshot.text,
    encoding: 'UTF8',
    plan: {
      ...plan,
      chunks: plan.chunks.map((each) => ({ ...each, bytes: each.pageCount * 4 * 1024 * 1024 })),
    },
    chunkBytes: 64 * 1024,
    object,
    progress: silence,
  });
  expect(rest).toBeNull();
  expect(chunks.length).toBeGreaterThan(2);
  expect(chunks[0]?.pages?.from).toBe(0);
  chunks.slice(1).forEach(({ pages }, index) => {
    expect(pages?.from).toBe(chunks[index]?.pages?.to);
  });
  expect(chunks.at(-1)?.pages?.to).toBeNull();
});

test('a table that grows, whose last pages are empty, on a server tempted to read in parallel, is read in heap order', async () => {
  await using session = await sessionOf(source.url);
  await session.execute(`
    CREATE TABLE tempting AS SELECT n AS id, repeat('x', 200) AS body FROM generate_series(1, 40000) n;
    DELETE FROM tempting WHERE id > 32000;`);
  for (const setting of [
    'min_parallel_table_scan_size = 0',
    'parallel_setup_cost = 0',
    'parallel_tuple_cost = 0',
    'max_parallel_workers_per_gather = 4',
  ])
    await session.execute(`ALTER DATABASE ${source.name} SET ${setting}`);
  try {
    await using keeper = await startKeeper(database);
    const snapshot = await opened(keeper);
    await session.execute(`INSERT INTO tempting SELECT n, 'late' FROM generate_series(40001, 44000) n`);
    await session.execute('VACUUM tempting');
    const read = async (condition: string | null, shardBytes: number) => {
      const { shards } = planShards(
        snapshot.rows.filter(({ name }) => name === 'tempting').map((table) => ({ ...table, condition })),
        { shardBytes, jobs: 1000, serverVersion: 180_000 },
      );
      const ids: number[] = [];
      for (const plan of shards) {
        const object = new TextObject();
        await copyShard({
          database,
          ...keeper,
          ...fromBegin,
          text: snapshot.text,
          encoding: 'UTF8',
          plan,
          object,
          progress: silence,
        });
        ids.push(...[...object.text.matchAll(/^(\d+)\t/gm)].map(([, id]) => Number(id)));
      }
      return ids;
    };
    const all = Array.from({ length: 32_000 }, (_, index) => index + 1);
    expect(await read(null, 1024 * 1024)).toEqual(all);
    expect(await read(null, 512 * 1024 * 1024)).toEqual(all);
    const filtered = all.filter((id) => id % 7 === 0);
    expect(await read('WHERE id % 7 = 0', 512 * 1024 * 1024)).toEqual(filtered);
    expect(await read('WHERE id % 7 = 0', 512 * 1024 * 1024)).toEqual(filtered);
  } finally {
    await session.execute(`ALTER DATABASE ${source.name} RESET ALL; DROP TABLE tempting`);
  }
});
