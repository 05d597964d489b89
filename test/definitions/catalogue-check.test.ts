import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogueFingerprint, checkCatalogue } from '../../functions/definitions/catalogue-check.ts';
import { DefinitionsChanged } from '../../functions/definitions/errors.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { runFile, withSession } from './load-definitions.ts';

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase({ name: 'catalogue' });
  await runFile(database.url, 'odd-database.sql', 'odd-database-18.sql');
  await withSession(database.url, (session) =>
    session.execute('INSERT INTO public.unlogged SELECT n FROM generate_series(2, 500) n'),
  );
});
afterAll(() => database.drop());

/** Takes a snapshot, lets another session change something, and compares. */
function change(...statements: string[]): Promise<void> {
  return withSession(database.url, (inSnapshot) =>
    withSession(database.url, async (other) => {
      // There before the snapshot, and perhaps gone after it
      await other.execute('CREATE TEMP TABLE scratch (a serial PRIMARY KEY, b text UNIQUE)');
      await inSnapshot.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await inSnapshot.query('SELECT pg_current_snapshot()');
      for (const statement of statements) await other.execute(statement);
      await withSession(database.url, (now) => checkCatalogue(inSnapshot, now));
    }),
  );
}

test('a fingerprint has something of every catalogue that the database uses', async () => {
  const fingerprint = await withSession(database.url, catalogueFingerprint);
  const empty = [...fingerprint].filter(([, sum]) => sum.startsWith('0 ')).map(([name]) => name);
  expect(empty.sort()).toEqual([
    'pg_am',
    'pg_conversion',
    'pg_language',
    'pg_publication_namespace',
    'pg_transform',
    'pg_ts_parser',
    'pg_ts_template',
  ]);
});

test.each([
  [
    'temporary tables come and go',
    ['DROP TABLE scratch', 'CREATE TEMP TABLE another (a serial PRIMARY KEY)'],
  ],
  ['ANALYZE', ['ANALYZE']],
  ['VACUUM', ['DELETE FROM public.unlogged WHERE a < 400', 'VACUUM (FREEZE, ANALYZE)']],
  ['VACUUM of catalogues', ['VACUUM (FREEZE) pg_class', 'VACUUM (FREEZE) pg_attribute']],
  ['a table is truncated', ['TRUNCATE public.unlogged']],
  ['an index is rebuilt', ['REINDEX TABLE public.events_2026']],
  ['a materialised view is refreshed', ['REFRESH MATERIALIZED VIEW public.base']],
  ['rows and sequences move', ['INSERT INTO public.unlogged VALUES (1)', "SELECT nextval('public.lonely')"]],
  [
    'something new is made',
    ['CREATE TABLE new_one (a serial PRIMARY KEY, b public.mood)', 'CREATE VIEW new_view AS SELECT 1 AS a'],
  ],
  ['a comment is written', ["COMMENT ON TABLE public.plain IS 'other'"]],
])('no difference: %s', async (_, statements) => {
  await expect(change(...statements)).resolves.toBeUndefined();
});

test.each([
  [
    'a function is replaced',
    "CREATE OR REPLACE FUNCTION public.mood_less(public.mood, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'",
  ],
  ['a function goes', 'DROP FUNCTION public.beginning(integer)'],
  ['a type gets another label', "ALTER TYPE public.mood RENAME VALUE 'sad' TO 'sadder'"],
  ['a view is replaced', 'CREATE OR REPLACE VIEW public.counting (n) AS SELECT 1'],
  ['a table is renamed', 'ALTER TABLE public.referring RENAME TO referred'],
  ['a table changes schema', 'ALTER TABLE public.referred SET SCHEMA empty'],
  ['a column is renamed', 'ALTER TABLE empty.referred RENAME self TO selfish'],
  ['a column is added', 'ALTER TABLE empty.referred ADD more text'],
  ['a column goes', 'ALTER TABLE empty.referred DROP hashed'],
  ['a default changes', "ALTER TABLE public.plain ALTER name SET DEFAULT 'other'"],
  ['a constraint goes', 'ALTER TABLE empty.referred DROP CONSTRAINT to_self'],
  ['a constraint is renamed', 'ALTER TABLE empty.referred RENAME CONSTRAINT to_plain TO to_plains'],
  ['an index goes', 'DROP INDEX public.expressions'],
  ['an index is renamed', 'ALTER INDEX public.partial RENAME TO impartial'],
  ['a trigger is disabled', 'ALTER TABLE public.plain DISABLE TRIGGER "tri;gger"'],
  ['a rule goes', 'DROP RULE divert ON public.seen'],
  ['a policy changes', 'ALTER POLICY mine ON public.plain USING (true)'],
  ['row security is switched off', 'ALTER TABLE public.plain DISABLE ROW LEVEL SECURITY'],
  ['a partition is detached', 'ALTER TABLE public.events DETACH PARTITION public.events_2026'],
  ['statistics are renamed', 'ALTER STATISTICS public.related RENAME TO unrelated'],
  ['a sequence changes', 'ALTER SEQUENCE public.lonely MAXVALUE 4'],
  ['a schema is renamed', 'ALTER SCHEMA empty RENAME TO full_now'],
  ['a domain changes', 'ALTER DOMAIN public.positive DROP CONSTRAINT "above zero"'],
  ['an operator goes', 'DROP OPERATOR public.<## (public.mood, integer)'],
  ['a text search mapping changes', 'ALTER TEXT SEARCH CONFIGURATION public.search DROP MAPPING FOR word'],
  ['a collation is renamed', 'ALTER COLLATION public.numeric_order RENAME TO natural_order'],
  ['an extension goes', 'DROP EXTENSION hstore'],
  ["a server's options change", "ALTER SERVER elsewhere OPTIONS (SET port '1')"],
  ['an event trigger is enabled', 'ALTER EVENT TRIGGER watch ENABLE'],
  ['a publication changes', "ALTER PUBLICATION everything SET (publish = 'delete')"],
  [
    'a table is changed and changed back',
    'ALTER TABLE public.parent ADD x int; ALTER TABLE public.parent DROP x',
  ],
])('a difference: %s', async (_, statement) => {
  await expect(change(statement)).rejects.toThrow(DefinitionsChanged);
});
