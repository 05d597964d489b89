import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DefinitionsFailed } from '../../functions/definitions/errors.ts';
import { readStatements, splitStatements } from '../../functions/definitions/statements.ts';

test('offsets count characters, not the bytes that the parser counts', async () => {
  const sql = 'SELECT \'äöü😀\'; -- ß;\nCREATE TABLE "größe 😀" (a int);\nALTER TABLE x ADD y text';
  const statements = await splitStatements(sql);
  expect(statements.map(({ kind, text }) => [kind, text])).toEqual([
    ['SelectStmt', "SELECT 'äöü😀'"],
    ['CreateStmt', 'CREATE TABLE "größe 😀" (a int)'],
    ['AlterTableStmt', 'ALTER TABLE x ADD y text'],
  ]);
  for (const { start, end, text } of statements) expect(sql.slice(start, end)).toBe(text);
});

test('a text without statements has none', async () => {
  expect(await splitStatements('-- nothing\n;\n')).toEqual([]);
});

test('a statement that does not parse is named', async () => {
  const failed = splitStatements('SELECT 1;\nCREATE TABLE broken (;\nSELECT 2;');
  await expect(failed).rejects.toThrow(DefinitionsFailed);
  await expect(failed).rejects.toThrow(/CREATE TABLE broken \(/);
});

test('a psql command between statements is refused', async () => {
  await expect(splitStatements('SELECT 1;\n\\! touch /tmp/x\nSELECT 2;')).rejects.toThrow(
    /does not understand/,
  );
});

test('texts of any size come in batches without a statement lost', async () => {
  const sql = Array.from(
    { length: 5000 },
    (_, n) => `COMMENT ON TABLE t${n} IS '${'ü'.repeat(n % 90)}';`,
  ).join('\n');
  const names = await readStatements(sql, (_, tree) => tree.object.List.items[0].String.sval);
  expect(names).toEqual(Array.from({ length: 5000 }, (_, n) => `t${n}`));
});

test.each(['nautobot-3.1', 'nautobot-1.6'])('all of %s parses, with rows left out', async (fixture) => {
  const dump = gunzipSync(readFileSync(`fixtures/${fixture}/nautobot.sql.gz`)).toString();
  const definitions = withoutRows(dump);
  const statements = await splitStatements(definitions);
  expect(statements.length).toBeGreaterThan(1000);
  const rest = statements.reduceRight(
    (text, { start, end }) => text.slice(0, start) + text.slice(end),
    definitions,
  );
  expect(rest.replace(/^--.*$/gm, '').replace(/[;\s]/g, '')).toBe('');
});

function withoutRows(dump: string): string {
  let inCopy = false;
  const lines = dump.split('\n').filter((line) => {
    const wasInCopy = inCopy;
    if (/^COPY .* FROM stdin;$/.test(line)) inCopy = true;
    if (line === '\\.') inCopy = false;
    return !wasInCopy && !inCopy && !/^\\(un)?restrict /.test(line);
  });
  return lines.join('\n');
}
