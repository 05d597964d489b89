import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { dumpDefinitions } from '../../functions/definitions/dump-definitions.ts';
import {
  DefinitionsChanged,
  DefinitionsFailed,
  ExclusionBreaksOthers,
} from '../../functions/definitions/errors.ts';
import { splitStatements } from '../../functions/definitions/statements.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { definitionsOf, runFile, withSession } from './load-definitions.ts';

/** Runs `sql` in a database of its own and dumps it. */
async function dumpOf(sql: string, options: Parameters<typeof definitionsOf>[1] = {}, create?: string) {
  const database = await freshDatabase(create ? { create } : {});
  try {
    await withSession(database.url, (session) => session.execute(sql));
    return await definitionsOf(database.url, options);
  } finally {
    await database.drop();
  }
}

describe('a dump loads as it is, and the copy dumps to the same text', () => {
  test.each(['nautobot_31', 'nautobot_16', 'odd'] as const)('%s', async (what) => {
    const source = await freshDatabase(what === 'odd' ? {} : { template: what });
    const target = await freshDatabase();
    if (what === 'odd') await runFile(source.url, 'odd-database.sql', 'odd-database-18.sql');
    const dumped = await definitionsOf(source.url);
    for (const { text } of await splitStatements(dumped.preData)) expect(text).not.toMatch(/^REFRESH/);
    await withSession(target.url, (session) => session.execute(dumped.preData + dumped.postData));
    expect(await definitionsOf(target.url)).toEqual(dumped);
    await Promise.all([source.drop(), target.drop()]);
  });

  test('psql takes it, where there is a psql', async () => {
    const psql = spawnSync('psql', ['--version'], { encoding: 'utf8' });
    if (psql.status !== 0) return console.info('left out: there is no psql on this machine');
    const source = await freshDatabase();
    const target = await freshDatabase();
    await runFile(source.url, 'odd-database.sql', 'odd-database-18.sql');
    const dumped = await definitionsOf(source.url);
    const loaded = spawnSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', target.url], {
      input: dumped.preData + dumped.postData,
      encoding: 'utf8',
    });
    expect([loaded.status, loaded.stderr.replace(/.*wal_level.*\n?|HINT.*\n?/g, '')]).toEqual([0, '']);
    expect(await definitionsOf(target.url)).toEqual(dumped);
    await Promise.all([source.drop(), target.drop()]);
  });
});

test('the settings come once, and what the schema adds up to is one dump', async () => {
  const { preData, postData, schema } = await dumpOf('CREATE TABLE t (id int PRIMARY KEY)');
  expect(preData.startsWith('--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version')).toBe(
    true,
  );
  expect(preData).toMatch(/\nSET transaction_timeout = 0;\n/);
  expect(postData).not.toMatch(/^SET |set_config/m);
  expect(postData.endsWith(';\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n')).toBe(true);
  expect(schema).toBe(preData + postData);
});

test('what a server notes on columns for itself stays there', async () => {
  const { preData } = await dumpOf(`
    CREATE TABLE t (a int, "b SET (pg_attver=1)" int, c int, d int);
    CREATE MATERIALIZED VIEW m AS SELECT a FROM t;
    ALTER TABLE t ALTER COLUMN c SET (n_distinct=5), ALTER COLUMN d SET (n_distinct=-0.5, n_distinct_inherited=7);
    UPDATE pg_attribute SET attoptions = array_prepend('pg_attver=1233904328', coalesce(attoptions, '{}'))
     WHERE attrelid IN ('t'::regclass, 'm'::regclass) AND attnum > 0`);
  expect(preData).not.toContain('pg_attver=1233904328');
  expect(preData.match(/ALTER TABLE ONLY .* SET \(.*\);/g)).toEqual([
    'ALTER TABLE ONLY public.t ALTER COLUMN c SET (n_distinct=5);',
    'ALTER TABLE ONLY public.t ALTER COLUMN d SET (n_distinct=-0.5, n_distinct_inherited=7);',
  ]);
});

test('an empty database has definitions too', async () => {
  const { preData, postData, roles, notes } = await dumpOf('SELECT 1');
  expect((await splitStatements(preData)).every(({ kind }) => /^(VariableSet|Select)Stmt$/.test(kind))).toBe(
    true,
  );
  expect(await splitStatements(postData)).toEqual([]);
  expect([roles, notes]).toEqual([[], []]);
});

test('lines that look like psql commands stay in bodies and comments', async () => {
  const { preData } = await dumpOf(`
    CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '
\\restrict abc
\\unrestrict
' $$;
    COMMENT ON FUNCTION f() IS '\\unrestrict x
\\RESTRICT';`);
  expect(preData).toContain("SELECT '\n\\restrict abc\n\\unrestrict\n'");
  expect(preData).toContain("IS '\\unrestrict x\n\\RESTRICT';");
});

test('populated materialised views are filled in the order of their dependencies, others are not', async () => {
  const sql = `CREATE TABLE t (a int); CREATE MATERIALIZED VIEW z AS SELECT a FROM t;
    CREATE MATERIALIZED VIEW b AS SELECT a FROM z; CREATE VIEW v AS SELECT a FROM b;
    CREATE MATERIALIZED VIEW a AS SELECT a FROM v; CREATE MATERIALIZED VIEW empty AS SELECT a FROM z WITH NO DATA`;
  const refreshes = (text: string) =>
    [...text.matchAll(/REFRESH MATERIALIZED VIEW (.*);/g)].map(([, name]) => name);
  const dumped = await dumpOf(sql);
  expect(refreshes(dumped.postData)).toEqual(['public.z', 'public.b', 'public.a']);
  expect(dumped.schema).not.toContain('MATERIALIZED VIEW DATA');
  const schemaOnly = await dumpOf(sql, { schemaOnly: true });
  expect(refreshes(schemaOnly.postData)).toEqual([]);
});

describe('the snapshot', () => {
  test('definitions are those of the snapshot, new ones since are not in them', async () => {
    const database = await freshDatabase();
    await withSession(database.url, async (session) => {
      await session.execute('CREATE TABLE before ()');
      await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await session.query('SELECT pg_export_snapshot()');
      await withSession(database.url, (other) => other.execute('CREATE TABLE later (a int PRIMARY KEY)'));
      const { schema } = await dumpDefinitions(await openDatabase(database.url), session, {
        applicationName: 'x',
      });
      expect(schema).toContain('CREATE TABLE public.before');
      expect(schema).not.toContain('later');
    });
    await database.drop();
  });

  test('a definition that changed since makes the backup start over', async () => {
    const database = await freshDatabase();
    await withSession(database.url, async (session) => {
      await session.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
      await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await session.query('SELECT pg_export_snapshot()');
      await withSession(database.url, (other) =>
        other.execute("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'"),
      );
      const dumping = dumpDefinitions(await openDatabase(database.url), session, { applicationName: 'x' });
      await expect(dumping).rejects.toThrow(DefinitionsChanged);
      await expect(dumping).rejects.toMatchObject({
        startOver: true,
        message: expect.stringContaining('pg_proc'),
      });
    });
    await database.drop();
  });
});

describe('tables left out', () => {
  const odd = [
    'plain',
    'Capital',
    'dot.ted',
    'star*',
    'quest?',
    'dollar$',
    'quote"d',
    "it's",
    'back\\slash',
    'new\nline',
    'carriage\rreturn',
    'back\\new',
    '# no comment',
    'two  spaces ',
    'a|b',
    '(x)',
    '[y]',
    'größe',
  ];

  test.each([0, 1])('exactly those go, whatever their names hold (%i)', async (half) => {
    const quoted = (name: string) => `"s.x"."${name.replaceAll('"', '""')}"`;
    const goes = odd.filter((_, index) => index % 2 === half);
    const { schema } = await dumpOf(
      `CREATE SCHEMA "s.x"; ${odd.map((name) => `CREATE TABLE ${quoted(name)} ();`).join('')}`,
      { excludeTables: goes.map((name) => ({ schema: 's.x', name })) },
    );
    const kept = (await splitStatements(schema)).filter(({ kind }) => kind === 'CreateStmt');
    expect(kept).toHaveLength(odd.length - goes.length);
    for (const name of goes) expect(schema).not.toContain(`CREATE TABLE ${quoted(name)}`);
  });

  test('thousands go, more than command lines have room for', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `history_of_some_thing_${index}`);
    const { schema } = await dumpOf(
      `${names.map((name) => `CREATE TABLE ${name} ();`).join('')} CREATE TABLE kept ()`,
      { excludeTables: names.map((name) => ({ schema: 'public', name })) },
    );
    expect(schema.match(/CREATE TABLE .*/g)).toEqual(['CREATE TABLE public.kept (']);
  });

  test.each([
    ['a view', 'CREATE VIEW v AS SELECT a FROM t', /view v needs table t/],
    ['a foreign key', 'CREATE TABLE o (a int REFERENCES t)', /constraint o_a_fkey on table o needs table t/],
    ['an heir', 'CREATE TABLE o () INHERITS (t)', /table o needs table t/],
    [
      'a function',
      "CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      /function f\(t\) needs table t/,
    ],
    ['a column of its row type', 'CREATE TABLE o (x t)', /table o needs table t/],
    [
      'a policy',
      'CREATE TABLE o (a int); CREATE POLICY p ON o USING (EXISTS (SELECT FROM t))',
      /policy p on table o/,
    ],
    ['a default', 'CREATE TABLE o (a int DEFAULT (NULL::t).a)', /o/],
  ])('%s that needs one is named', async (_, sql, message) => {
    const dumping = dumpOf(`CREATE TABLE t (a int PRIMARY KEY); ${sql}`, {
      excludeTables: [{ schema: 'public', name: 't' }],
    });
    await expect(dumping).rejects.toThrow(ExclusionBreaksOthers);
    await expect(dumping).rejects.toThrow(message);
  });

  test('what goes with it needs nothing', async () => {
    const { schema } = await dumpOf(
      `CREATE TABLE t (a serial PRIMARY KEY, b int GENERATED ALWAYS AS IDENTITY, c text UNIQUE, CHECK (a > b));
       CREATE TABLE u (a int REFERENCES t); CREATE INDEX ON t (lower(c)); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES t;
       CREATE VIEW w AS SELECT a FROM u; CREATE STATISTICS x ON a, b FROM t`,
      { excludeTables: ['t', 'u', 'w'].map((name) => ({ schema: 'public', name })) },
    );
    expect(schema).not.toMatch(/CREATE (TABLE|INDEX|VIEW|STATISTICS)/);
    // As with pg_dump: the sequence of a serial column is its own, that of an identity column is not
    expect(schema.match(/CREATE SEQUENCE .*/g)).toEqual(['CREATE SEQUENCE public.t_a_seq']);
  });
});

describe('secrets and roles', () => {
  test('passwords of user mappings and servers never come out, and that is said', async () => {
    const role = await freshRole({ name: 'app "x"' });
    const quoted = `"${role.name.replaceAll('"', '""')}"`;
    const { preData, schema, notes } = await dumpOf(`
      CREATE FOREIGN DATA WRAPPER w OPTIONS (debug 'true', api_key 'hush-1');
      CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h''ost', password 'hush-2', url 'https://me:hush-3@example/', port '1');
      CREATE SERVER lone FOREIGN DATA WRAPPER w OPTIONS ("Sekret Token" 'hush-4 \\');
      CREATE USER MAPPING FOR ${quoted} SERVER s OPTIONS (user 'me', password 'hush-5');
      CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'hush-6');
      CREATE FOREIGN TABLE f (a int OPTIONS (secret 'hush-7'), b int OPTIONS (n 'ü', token 'hush-8')) SERVER s
        OPTIONS (program 'curl -u me:hush-9 x', table_name 'f');`);
    expect(schema).not.toContain('hush');
    expect(JSON.stringify(notes)).not.toContain('hush');
    expect(await splitStatements(preData)).not.toEqual([]);
    expect(schema).toContain("OPTIONS (\n    host 'h''ost',\n    port '1'\n)");
    expect(schema).toContain('CREATE SERVER lone FOREIGN DATA WRAPPER w;');
    expect(schema).toContain("ALTER COLUMN b OPTIONS (\n    n 'ü'\n)");
    expect(schema).not.toContain('ALTER COLUMN a');
    expect(schema).not.toContain('USER MAPPING');
    expect(notes).toEqual(
      expect.arrayContaining([
        `the user mapping of ${role.name} for server s was taken out: it can hold a password`,
        'foreign server s: options that look like secrets were taken out: password, url',
        'foreign server s keeps its options: host, port',
        'foreign table public.f: options that look like secrets were taken out: program',
      ]),
    );
  });

  test('roles that policies and functions name are listed', async () => {
    const name = `reader-${randomBytes(3).toString('hex')}`;
    const role = await freshRole({ name });
    const { roles, notes } = await dumpOf(`
      CREATE TABLE t (a int);
      CREATE POLICY p ON t FOR SELECT TO "${role.name}", CURRENT_USER USING (true);
      CREATE POLICY q ON t USING (true);
      CREATE FUNCTION f() RETURNS int LANGUAGE sql SET role TO "${role.name}" AS 'SELECT 1';`);
    expect(roles).toContain(role.name);
    expect(notes.join()).toContain(`policy p on public.t is for`);
  });

  test('what a backup does not hold is said', async () => {
    const { notes } = await dumpOf("SELECT lo_from_bytea(0, 'x'), lo_from_bytea(0, 'y')");
    expect(notes).toEqual([expect.stringMatching(/^2 large objects .*not backed up/)]);
  });
});

test('a role that may not read a table fails with the words of the server', async () => {
  const role = await freshRole();
  const database = await freshDatabase();
  await withSession(database.url, (session) => session.execute('CREATE TABLE hidden (a int)'));
  await expect(definitionsOf(database.urlAs(role))).rejects.toThrow(/permission denied for table hidden/);
  await database.drop();
});

test('definitions that are not UTF-8 are refused, not changed', async () => {
  const dumping = dumpOf(
    "DO $$ BEGIN EXECUTE convert_from('\\x435245415445205441424c4520225c65342220286120696e7429', 'SQL_ASCII'); EXECUTE format('COMMENT ON SCHEMA public IS %L', convert_from('\\xe4', 'SQL_ASCII')); END $$",
    {},
    "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER libc",
  );
  await expect(dumping).rejects.toThrow(DefinitionsFailed);
  await expect(dumping).rejects.toThrow(/UTF-8/);
});

test('a database of another encoding gives its definitions in UTF-8', async () => {
  const { preData } = await dumpOf(
    'CREATE TABLE "größe" (a int)',
    {},
    "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc",
  );
  expect(preData).toContain('CREATE TABLE public."größe"');
  expect(preData).toContain("SET client_encoding = 'UTF8';");
});

test('settings of the database do not bend the text', async () => {
  const database = await freshDatabase();
  await withSession(database.url, async (session) => {
    await session.execute(`ALTER DATABASE "${database.name}" SET standard_conforming_strings = off`);
    await session.execute(`ALTER DATABASE "${database.name}" SET DateStyle = 'German'`);
    await session.execute(`CREATE TABLE t (a text DEFAULT 'back\\slash;', d date DEFAULT DATE '2026-02-01')`);
  });
  const { preData } = await definitionsOf(database.url);
  expect(preData).toContain('SET standard_conforming_strings = on;');
  expect(preData).toContain("'back\\slash;'::text");
  expect(preData).toContain("'2026-02-01'::date");
  await database.drop();
});
