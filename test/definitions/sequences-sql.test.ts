import { expect, test } from 'vitest';
import { sequencesSql } from '../../functions/definitions/sequences-sql.ts';
import { splitStatements } from '../../functions/definitions/statements.ts';
import { freshDatabase } from '../servers/fresh-database.ts';
import { withSession } from './load-definitions.ts';

const entry = (schema: string, name: string, lastValue: string, isCalled: boolean) => ({
  schema,
  name,
  lastValue,
  isCalled,
  ownedBy: null,
});

test('values are written as pg_dump writes them', () => {
  expect(sequencesSql([entry('public', 'a_seq', '9223372036854775807', true)])).toBe(
    `SELECT pg_catalog.setval('"public"."a_seq"', 9223372036854775807, true);\n`,
  );
  expect(sequencesSql([])).toBe('');
});

test('sequences with odd names take their values', async () => {
  const database = await freshDatabase();
  const names = ['plain', "it's", 'back\\slash', 'a"b', 'new\nline', 'dot.ted', 'größe 😀'];
  const entries = names.map((name, index) =>
    entry('odd "schema"\\', name, String(index - 3), index % 2 === 0),
  );
  await withSession(database.url, async (session) => {
    await session.execute('CREATE SCHEMA "odd ""schema""\\"');
    for (const name of names)
      await session.execute(`CREATE SEQUENCE "odd ""schema""\\"."${name.replaceAll('"', '""')}" MINVALUE -9`);
    const sql = sequencesSql(entries);
    expect(await splitStatements(sql)).toHaveLength(names.length);
    await session.execute("SET search_path = ''");
    await session.execute(sql);
    for (const { name, lastValue, isCalled } of entries) {
      const [row] = await session.query(
        `SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM "odd ""schema""\\"."${name.replaceAll('"', '""')}"`,
      );
      expect(row).toEqual({ lastValue, isCalled });
    }
  });
  await database.drop();
});
