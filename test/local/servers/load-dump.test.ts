import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../functions/postgres/database.ts';
import type { Session } from '../../../functions/postgres/session.ts';
import { fingerprintDatabase } from '../../../local/compare-databases.ts';
import { loadDump } from '../../../local/servers/load-dump.ts';
import { freshDatabase, superuserSession } from '../../servers/fresh-database.ts';

async function inFreshDatabase<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
  const database = await freshDatabase();
  const session = await superuserSession(database.name);
  try {
    return await work(session);
  } finally {
    await session.end();
    await database.drop();
  }
}

function inSlices(sql: string, length: number): AsyncIterable<Buffer> {
  const bytes = Buffer.from(sql);
  const slices: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += length) slices.push(bytes.subarray(at, at + length));
  return Readable.from(slices);
}

/** Counted without the loader: lines between a COPY and its end. */
async function rowsInDump(fixture: string): Promise<number> {
  const file = new URL(`../../../fixtures/${fixture}/nautobot.sql.gz`, import.meta.url);
  const sql = gunzipSync(await readFile(file)).toString('latin1');
  const blocks = sql.matchAll(/^COPY [^\n]+ FROM stdin;\n((?:(?!\\\.\n)[^\n]*\n)*)\\\.\n/gm);
  return [...blocks].reduce((rows, [, block]) => rows + (block ?? '').split('\n').length - 1, 0);
}

test.each([
  ['nautobot_31', { tables: 229, indexes: 1241, keys: 486, rows: await rowsInDump('nautobot-3.1') }],
  ['nautobot_16', { tables: 152, indexes: 858, keys: 289, rows: await rowsInDump('nautobot-1.6') }],
] as const)('%s comes with all its tables, indexes, foreign keys and rows', async (template, expected) => {
  const database = await freshDatabase({ template });
  const session = await superuserSession(database.name);
  const [counts] = await session.query(`
    SELECT (SELECT count(*)::int FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace) AS tables,
           (SELECT count(*)::int FROM pg_indexes WHERE schemaname = 'public') AS indexes,
           (SELECT count(*)::int FROM pg_constraint WHERE contype = 'f') AS keys`);
  await session.end();
  const { tables } = await fingerprintDatabase(await openDatabase(database.url));
  const rows = [...tables.values()].reduce((sum, table) => sum + table.rows, 0);
  expect({ ...counts, rows }).toEqual(expected);
  await database.drop();
});

test('text that looks like a COPY or a psql command inside quotes is text', async () => {
  await inFreshDatabase(async (session) => {
    const sql = `
\\restrict x1
CREATE TABLE a (n int, t text); -- COPY a FROM stdin;
/* COPY a FROM stdin;
/* nested */ ' */
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $body$
SELECT '
COPY a FROM stdin;
\\restrict y
$$'
$body$;
COMMENT ON TABLE a IS 'it''s
COPY a FROM stdin;
\\.
';
COMMENT ON COLUMN a.t IS E'\\'
COPY a FROM stdin;
';
CREATE TABLE "odd ; "" $q$
COPY a FROM stdin;" ();
COPY a (n, t) FROM stdin;
1	\\\\.
2	x\\ty
\\.

COPY a (n, t) FROM stdin;
\\.

SELECT pg_catalog.set_config('search_path', 'public', false);
\\unrestrict x1
`;
    await loadDump(session, inSlices(sql, 7));
    expect(await session.query('SELECT n, t FROM a ORDER BY n')).toEqual([
      { n: 1, t: '\\.' },
      { n: 2, t: 'x\ty' },
    ]);
  });
});

test('rows arrive whatever the slices of the stream are', async () => {
  await inFreshDatabase(async (session) => {
    await session.execute('CREATE TABLE a (n int, t text)');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.stringMatching(/^[a-zé\\.;'-]{0,12}$/u), { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        async (texts, length) => {
          const rows = texts.map((text, n) => `${n}\t${text.replaceAll('\\', '\\\\')}\n`).join('');
          await loadDump(session, inSlices(`TRUNCATE a;\nCOPY a FROM stdin;\n${rows}\\.\nSELECT 1;`, length));
          const found = await session.query<{ t: string }>('SELECT t FROM a ORDER BY n');
          expect(found.map((row) => row.t)).toEqual(texts);
        },
      ),
      { numRuns: 40 },
    );
  });
});

test('a dump that ends in the middle of rows is refused', async () => {
  await inFreshDatabase(async (session) => {
    const sql = 'CREATE TABLE a (n int);\nCOPY a FROM stdin;\n1\n2\n';
    await expect(loadDump(session, inSlices(sql, 100))).rejects.toThrow(/middle of a COPY/);
  });
});

test('a psql command that it does not know is refused', async () => {
  await inFreshDatabase(async (session) => {
    await expect(loadDump(session, inSlices('\\connect other\n', 100))).rejects.toThrow(/\\connect other/);
  });
});
