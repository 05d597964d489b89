import { expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { compareDatabases, fingerprintDatabase } from '../../local/compare-databases.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';

async function twoDatabases(left: string, right: string): Promise<[FreshDatabase, FreshDatabase]> {
  const databases: [FreshDatabase, FreshDatabase] = [
    await freshDatabase(),
    await freshDatabase({
      create: `TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`,
    }),
  ];
  for (const [at, sql] of [left, right].entries()) {
    const session = await superuserSession(databases[at]?.name);
    await session.execute(sql);
    await session.end();
  }
  return databases;
}

async function compare(left: string, right: string) {
  const databases = await twoDatabases(left, right);
  const [first, second] = await Promise.all(databases.map(({ url }) => openDatabase(url)));
  if (first === undefined || second === undefined) throw new TypeError('two databases are needed');
  const comparison = await compareDatabases(first, second);
  for (const database of databases) await database.drop();
  return comparison;
}

test('two copies of a Nautobot are the same in every table and sequence', async () => {
  const databases = [
    await freshDatabase({ template: 'nautobot_31' }),
    await freshDatabase({ template: 'nautobot_31' }),
  ];
  const [first, second] = await Promise.all(databases.map(({ url }) => openDatabase(url)));
  if (first === undefined || second === undefined) throw new TypeError('two databases are needed');
  const comparison = await compareDatabases(first, second);
  expect(comparison).toMatchObject({ sameTables: 229, tables: [], sequences: [], definitions: [] });
  expect(comparison.sameDefinitions).toBeGreaterThan(1241 + 486);
  expect(comparison.sameRows).toBeGreaterThan(10_000);
  expect((await fingerprintDatabase(first)).notValid).toEqual([]);

  const session = await superuserSession(databases[1]?.name);
  await session.execute(`UPDATE public.dcim_device SET name = name || ' '
    WHERE id = (SELECT id FROM public.dcim_device LIMIT 1)`);
  await session.end();
  const changed = await compareDatabases(first, second);
  expect(changed.tables.map(({ table }) => table)).toEqual(['public.dcim_device']);
  for (const database of databases) await database.drop();
});

test('neither the order of rows nor the encoding of the database makes a difference', async () => {
  const table = 'CREATE TABLE a (t text, at timestamptz)';
  const comparison = await compare(
    `${table}; INSERT INTO a VALUES ('é', '2020-01-01Z'), (NULL, NULL)`,
    `SET client_encoding = 'UTF8'; SET TimeZone = 'Asia/Tokyo'; ${table}; INSERT INTO a VALUES (NULL, NULL), ('é', '2020-01-01Z')`,
  );
  expect(comparison).toMatchObject({ sameTables: 1, sameRows: 2, tables: [], sequences: [] });
});

test('a row that is there twice, a value changed in one column and a table missing are differences', async () => {
  const tables = 'CREATE TABLE a (t text); CREATE TABLE b (t text, u text);';
  const comparison = await compare(
    `${tables} CREATE TABLE "Only left" (); INSERT INTO a VALUES ('1'); INSERT INTO b VALUES ('x', NULL)`,
    `${tables} INSERT INTO a VALUES ('1'), ('1'); INSERT INTO b VALUES ('x', '')`,
  );
  expect(comparison.tables.map(({ table }) => table)).toEqual(['public."Only left"', 'public.a', 'public.b']);
});

test('rows count for the partitioned table whatever the partition, and for the parent alone with inheritance', async () => {
  const tables = `CREATE TABLE p (n int) PARTITION BY RANGE (n); CREATE TABLE parent (n int); CREATE TABLE child () INHERITS (parent);
    CREATE TABLE none (); INSERT INTO none DEFAULT VALUES; INSERT INTO child VALUES (1);`;
  const comparison = await compare(
    `${tables} CREATE TABLE p1 PARTITION OF p DEFAULT; INSERT INTO p VALUES (1)`,
    `${tables} CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (0) TO (5); INSERT INTO p VALUES (1)`,
  );
  expect(comparison).toMatchObject({ sameTables: 4, sameRows: 3, tables: [], sequences: [] });
});

test('sequences are compared by value and by whether they were called', async () => {
  const comparison = await compare(
    `CREATE SEQUENCE a; CREATE SEQUENCE b; SELECT setval('a', 1, false), setval('b', 7)`,
    `CREATE SEQUENCE a; CREATE SEQUENCE b; SELECT setval('a', 1, true), setval('b', 7)`,
  );
  expect(comparison.sequences).toEqual([{ sequence: 'public.a', left: '1 false', right: '1 true' }]);
});

test('a constraint that was never validated is named', async () => {
  const [database, other] = await twoDatabases(
    'CREATE TABLE a (n int); ALTER TABLE a ADD CONSTRAINT "positive one" CHECK (n > 0) NOT VALID',
    'SELECT 1',
  );
  const { notValid } = await fingerprintDatabase(await openDatabase(database.url));
  expect(notValid).toEqual(['public.a "positive one"']);
  await database.drop();
  await other.drop();
});

test('an index of another order and a constraint that is missing are differences', async () => {
  const comparison = await compare(
    'CREATE TABLE a (n int PRIMARY KEY, m int CONSTRAINT "Small" CHECK (m < 9)); CREATE INDEX i ON a (m)',
    'CREATE TABLE a (n int PRIMARY KEY, m int); CREATE INDEX i ON a (m DESC)',
  );
  expect(comparison.definitions).toEqual(['constraint public.a "Small"', 'index public.i']);
});
