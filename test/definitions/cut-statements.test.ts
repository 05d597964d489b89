import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutStatements } from '../../functions/definitions/cut-statements.ts';

const cut = (sql: string) => cutStatements(sql).map(({ start, end }) => sql.slice(start, end));

describe('a statement ends at its semicolon', () => {
  test.each([
    ['in a string', "SELECT ';'", 'SELECT 1'],
    ['after a doubled quote', "SELECT 'it''s;'", 'SELECT 1'],
    ['after a backslash, which means nothing in a plain string', "SELECT '\\'", 'SELECT 1'],
    ['after an escaped quote in an E string', "SELECT E'\\';'", 'SELECT 1'],
    ['after an escaped backslash in an E string', "SELECT e'\\\\'", 'SELECT 1'],
    ['in a quoted name', 'SELECT "a;""b;"', 'SELECT 1'],
    ['in a dollar-quoted body', 'DO $$ a; $x$ b; $$', 'SELECT 1'],
    ['in a body with a tag that is not ASCII', 'DO $ü1$ a; $$ ; $ü$ ; $ü1$', 'SELECT 1'],
    ['after a name that holds dollars', 'SELECT a$b$ AS c$', 'SELECT $1'],
    ['after a parameter', 'SELECT $1, $2', 'SELECT $3'],
    ['in parentheses', 'CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT (2); )', 'SELECT 1'],
    ['in a comment', 'SELECT /* ; /* nested ; */ ; */ 1 -- ;\n + 2', 'SELECT 1'],
    [
      'in a body of statements',
      'CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END',
      'SELECT 1',
    ],
    ['in an empty body', 'CREATE PROCEDURE p()\nBEGIN\n ATOMIC\nEND', 'SELECT 1'],
    [
      'when a function is called begin',
      "CREATE FUNCTION public.begin() RETURNS int LANGUAGE sql AS 'x'",
      'SELECT 1',
    ],
    ['when a transaction begins', 'BEGIN', 'END'],
  ])('and not %s', (_, first, second) => {
    expect(cut(`${first};\n${second};`)).toEqual([first, second]);
  });
});

test('comments and empty statements between statements belong to none', () => {
  expect(cut('-- a;\n/* b; */ ; ;\nSELECT 1 ;-- c\n;SELECT 2')).toEqual(['SELECT 1 ', 'SELECT 2']);
});

const text = fc.string({
  unit: fc.constantFrom('a', ';', "'", '"', '$', '\\', '(', ')', '-', '/', '*', '\n', 'ü', '😀', ' '),
});
const piece = fc.oneof(
  text.map((inner) => `'${inner.replaceAll("'", "''")}'`),
  text.map((inner) => `E'${inner.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`),
  text.map((inner) => `"${inner.replaceAll('"', '""')}"`),
  text.map((inner) => `$tag$${inner.replaceAll('$', '')}$tag$`),
  text.map((inner) => `/*${inner.replaceAll('/', '').replaceAll('*', '')}*/`),
  text.map((inner) => `--${inner.replaceAll('\n', '')}\n`),
  fc.constantFrom('word', '12', '+', ',', '$1', 'a.b', '(c; d)', '::'),
);
const statement = fc
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((pieces) => `SELECT ${pieces.join(' ')} x`);

test('statements put together from anything that may hold a semicolon come apart again', () => {
  fc.assert(
    fc.property(fc.array(statement), (statements) => {
      expect(cut(statements.map((one) => `${one};`).join('\n'))).toEqual(statements);
    }),
    { numRuns: 500 },
  );
});

test('no text makes it throw, and cuts never overlap', () => {
  fc.assert(
    fc.property(text, (sql) => {
      let at = 0;
      for (const { start, end } of cutStatements(sql)) {
        expect(start).toBeGreaterThanOrEqual(at);
        expect(end).toBeGreaterThan(start);
        at = end;
      }
      expect(at).toBeLessThanOrEqual(sql.length);
    }),
    { numRuns: 1000 },
  );
});
