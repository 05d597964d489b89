import { afterAll, beforeAll, expect, test } from 'vitest';
import { PatternMatchesNothing } from '../../functions/snapshot/errors.ts';
import { type Relation, readRelations } from '../../functions/snapshot/relations.ts';
import { type LeaveOut, selectRelations } from '../../functions/snapshot/select-relations.ts';
import { readTables } from '../../functions/snapshot/tables.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { everything, sessionOf } from './start-keeper.ts';

let source: FreshDatabase;
let relations: Relation[];

beforeAll(async () => {
  source = await freshDatabase({ name: 'Odd "source"' });
  await using session = await sessionOf(source.url);
  await session.execute(`
    CREATE TABLE plain (id serial PRIMARY KEY, "Größe" int, twice int GENERATED ALWAYS AS (id * 2) STORED, gone int);
    ALTER TABLE plain DROP COLUMN gone;
    CREATE TABLE "Odd ""name"" . x" (a int GENERATED ALWAYS AS IDENTITY);
    CREATE TABLE nothing ();
    CREATE TABLE only_generated (a int GENERATED ALWAYS AS (1) STORED);
    CREATE UNLOGGED TABLE quick (a int);
    CREATE TEMP TABLE passing (a int);
    CREATE SCHEMA audit;
    CREATE TABLE audit.plain (a int);
    CREATE TABLE audit.hidden (a int);
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE TABLE events (at date, m mood) PARTITION BY RANGE (at);
    CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2021-01-01') TO ('2030-01-01') PARTITION BY HASH (m);
    CREATE TABLE events_new_0 PARTITION OF events_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE events_new_1 PARTITION OF events_new FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE hashed (id int) PARTITION BY HASH (id);
    CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TABLE parent (id int);
    CREATE TABLE child (more int) INHERITS (parent);
    CREATE VIEW seen AS SELECT 1 AS one;
    CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
    CREATE FOREIGN DATA WRAPPER none;
    CREATE SERVER elsewhere FOREIGN DATA WRAPPER none;
    CREATE FOREIGN TABLE far (a int) SERVER elsewhere;
    CREATE SEQUENCE free;
    CREATE EXTENSION citext;
    CREATE TABLE settings (name text, standard boolean);
    CREATE TABLE internals (a int);
    ALTER EXTENSION citext ADD TABLE settings;
    ALTER EXTENSION citext ADD TABLE internals;
    UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass], extcondition = ARRAY['WHERE NOT standard']
    WHERE extname = 'citext';
    INSERT INTO plain ("Größe") SELECT generate_series(1, 5000);
  `);
  relations = await readRelations(session);
});
afterAll(() => source.drop());

const names = (list: readonly Relation[]) =>
  list.map(({ schema, name }) => (schema === 'public' ? name : `${schema}.${name}`)).sort();
const select = (leaveOut: Partial<LeaveOut>) => selectRelations(relations, { ...everything, ...leaveOut });

test('rows are read of ordinary tables, leaf partitions and inheritance children, and of no view, foreign or temporary table', () => {
  expect(names(select({}).rows)).toEqual([
    'Odd "name" . x',
    'audit.hidden',
    'audit.plain',
    'child',
    'events_new_0',
    'events_new_1',
    'events_old',
    'hashed_0',
    'nothing',
    'only_generated',
    'parent',
    'plain',
    'quick',
    'settings',
  ]);
});

test('partitioned tables are locked like the tables with rows', () => {
  const { locked, rows } = select({});
  expect(names(locked)).toEqual([...names(rows), 'events', 'events_new', 'hashed'].sort());
});

test("an extension's own tables are left to it, but for the rows that its author marked", async () => {
  await using session = await sessionOf(source.url);
  const { rows } = select({});
  const [settings] = await readTables(
    session,
    rows.filter(({ name }) => name === 'settings'),
    relations,
  );
  expect(settings?.condition).toBe('WHERE NOT standard');
});

test('a pattern that names only tables of an extension matches nothing', () => {
  expect(() => select({ excludeTableData: ['internals'] })).toThrow(PatternMatchesNothing);
});

test('a pattern without a schema means tables on the search path', () => {
  expect(names(select({ excludeTableData: ['plain'] }).definitionOnly)).toEqual(['plain']);
  expect(names(select({ excludeTableData: ['*.plain'] }).definitionOnly)).toEqual(['audit.plain', 'plain']);
  expect(() => select({ excludeTableData: ['hidden'] })).toThrow('is it audit.hidden?');
});

test('leaving out the rows of a partitioned table leaves out those of its partitions, and says so', () => {
  const { definitionOnly, notes, locked } = select({ excludeTableData: ['events'] });
  expect(names(definitionOnly)).toEqual(['events_new_0', 'events_new_1', 'events_old']);
  expect(names(locked)).toContain('events_old');
  expect(notes.join()).toContain('public.events_old');
});

test('leaving out the rows of an inheritance parent leaves its children alone', () => {
  const { definitionOnly, notes } = select({ excludeTableData: ['parent'] });
  expect(names(definitionOnly)).toEqual(['parent']);
  expect(notes).toEqual([]);
});

test('leaving out a table leaves out what cannot be created without it, and says so', () => {
  const { leftOut, locked, notes } = select({ excludeTables: ['parent', 'events_new'] });
  expect(names(leftOut)).toEqual(['child', 'events_new', 'events_new_0', 'events_new_1', 'parent']);
  expect(names(locked)).not.toContain('child');
  expect(notes.join()).toContain('public.child');
});

test('the sequence of a table that is left out goes with it when it is an identity, else it stays as pg_dump has it', () => {
  expect(names(select({}).sequences)).toEqual(['Odd "name" . x_a_seq', 'free', 'plain_id_seq']);
  expect(names(select({ excludeTables: ['"Odd ""name"" . x"', 'plain'] }).sequences)).toEqual([
    'free',
    'plain_id_seq',
  ]);
  expect(names(select({ excludeTables: ['plain*'] }).sequences)).toEqual(['Odd "name" . x_a_seq', 'free']);
});

test('only definitions: everything is locked, no row and no position is read', () => {
  const { locked, rows, definitionOnly, sequences } = select({ schemaOnly: true });
  expect(names(locked)).toEqual(names(select({}).locked));
  expect([rows.length, sequences.length, definitionOnly.length]).toEqual([0, 0, 13]);
});

test('a materialised view whose data is left out is named, a view has no data to leave out', () => {
  expect(names(select({ excludeTableData: ['kept'] }).notRefreshed)).toEqual(['kept']);
  expect(() => select({ excludeTableData: ['seen'] })).toThrow(PatternMatchesNothing);
  expect(names(select({ excludeTables: ['seen', 'far'] }).leftOut)).toEqual(['far', 'seen']);
});

test('columns come in the order of the table, without dropped and generated ones', async () => {
  await using session = await sessionOf(source.url);
  const tables = await readTables(session, select({}).rows, relations);
  const columns = Object.fromEntries(tables.map((table) => [table.name, table.columns]));
  expect(columns).toMatchObject({
    nothing: [],
    only_generated: [],
    'Odd "name" . x': ['a'],
    child: ['id', 'more'],
  });
  const plain = tables.find(({ schema, name }) => schema === 'public' && name === 'plain');
  expect(plain?.columns).toEqual(['id', 'Größe']);
  expect(plain?.pages).toBeGreaterThan(20);
  expect(plain?.bytes).toBeGreaterThanOrEqual((plain?.pages ?? 0) * 8192);
});

test('only partitions below a hash of an enum are loaded through their root', async () => {
  await using session = await sessionOf(source.url);
  const tables = await readTables(session, select({}).rows, relations);
  const through = tables.filter(({ loadThrough }) => loadThrough !== null);
  expect(through.map(({ name }) => name)).toEqual(['events_new_0', 'events_new_1']);
  expect(through[0]?.loadThrough).toEqual({ schema: 'public', name: 'events' });
});
