import { expect, test } from 'vitest';
import { readPreData } from '../../functions/definitions/pre-data.ts';

test('every statement comes in its order, with what it makes', async () => {
  const statements = await readPreData(`
    SET default_table_access_method = heap;
    CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
    COMMENT ON EXTENSION "uuid-ossp" IS 'generate;';
    CREATE TABLE "s;x".t (a int);
    CREATE VIEW s.v AS SELECT 1;
    CREATE MATERIALIZED VIEW s.m AS SELECT 1 WITH NO DATA;
    CREATE FOREIGN TABLE s.f () SERVER x;
    ALTER TABLE ONLY s.t ALTER COLUMN a SET DEFAULT 1;
    COMMENT ON TABLE s.t IS 'x';`);
  expect(
    statements.map(({ kind, extension, dispensable, relation }) => [
      kind,
      extension,
      dispensable,
      relation?.name,
    ]),
  ).toEqual([
    ['VariableSetStmt', undefined, undefined, undefined],
    ['CreateExtensionStmt', 'uuid-ossp', undefined, undefined],
    ['CommentStmt', undefined, 'comments on extensions need their owner', undefined],
    ['CreateStmt', undefined, undefined, 't'],
    ['ViewStmt', undefined, undefined, 'v'],
    ['CreateTableAsStmt', undefined, undefined, 'm'],
    ['CreateForeignTableStmt', undefined, undefined, 'f'],
    ['AlterTableStmt', undefined, undefined, 't'],
    ['CommentStmt', undefined, undefined, undefined],
  ]);
  expect(statements[3]?.relation).toEqual({ schema: 's;x', name: 't' });
});

test('what a server noted on columns for itself, in a backup of an earlier version, is left out', async () => {
  const statements = await readPreData(`
    ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=1049487440);
    ALTER TABLE ONLY public.t ALTER COLUMN "SET (pg_attver=1)" SET (n_distinct=5, pg_attver=1049487440);
    ALTER FOREIGN TABLE ONLY public.f ALTER COLUMN a SET (pg_attver=1049487440);
    ALTER TABLE ONLY public.t ALTER COLUMN "x SET (pg_attver=1)" SET (n_distinct=5);`);
  expect(statements.map(({ text }) => text)).toEqual([
    'ALTER TABLE ONLY public.t ALTER COLUMN "SET (pg_attver=1)" SET (n_distinct=5)',
    'ALTER TABLE ONLY public.t ALTER COLUMN "x SET (pg_attver=1)" SET (n_distinct=5)',
  ]);
});
