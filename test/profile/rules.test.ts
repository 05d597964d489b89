import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../functions/archive/read-manifest.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { filesThatHold } from './files-that-hold.ts';

/** A view, an audit trigger, a generated column, partitions, identities: what keeps or moves rows. */
const schema = `
  CREATE TABLE person (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, email text,
    shout text GENERATED ALWAYS AS (upper(email)) STORED, note text, data jsonb);
  INSERT INTO person (name, email, note, data)
    SELECT 'Planted' || n, 'planted' || n || '@example.org', repeat('planted note ' || n, 400),
           jsonb_build_object('keep', n, 'inner', jsonb_build_array(jsonb_build_object('api_token', 'planted', 'x', 1)))
      FROM generate_series(1, 300) n;
  INSERT INTO person (name, email) VALUES ('boss', 'boss@example.org'), ('Ünïcode\\ "q" ''s''', NULL);
  CREATE VIEW people AS SELECT name FROM person;
  CREATE MATERIALIZED VIEW emails AS SELECT email, note FROM person;
  CREATE TABLE audit (what text);
  CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.audit VALUES (NEW.email); RETURN NEW; END $$;
  CREATE TRIGGER noted AFTER INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION note_change();
  CREATE TABLE login (person_id int REFERENCES person, person_name varchar(40) REFERENCES person (name), at timestamptz);
  INSERT INTO login SELECT id, name, '2026-01-01'::timestamptz + id * interval '1 day' FROM person;
  CREATE TABLE log (at date, line text) PARTITION BY RANGE (at);
  CREATE TABLE log_old PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2025-01-01');
  CREATE TABLE log_new PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');
  INSERT INTO log SELECT '2024-06-01'::date + n, 'planted ' || n FROM generate_series(1, 400) n;
  CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE TABLE device (id int PRIMARY KEY, owner int NOT NULL, mood mood, code char(8), price numeric(6,2)) PARTITION BY RANGE (id);
  CREATE TABLE device_1 PARTITION OF device FOR VALUES FROM (0) TO (100);
  INSERT INTO device VALUES (1, 1, 'sad', 'planted', 10.25);
  CREATE TABLE part (id int PRIMARY KEY, device int NOT NULL REFERENCES device, maker int, FOREIGN KEY (maker) REFERENCES device);
  INSERT INTO part VALUES (1, 1, 1);
  CREATE TABLE spare (part int REFERENCES part, note text);
  INSERT INTO spare VALUES (1, 'stays');
  CREATE FUNCTION dice() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 4';
`;

const rules = `
version: 1
tables:
  person:
    except: name = 'boss'
    columns:
      name: mask.hash(name, 40)
      email: mask.email(email)
      note: mask.text(note)
      data: mask.json(data)
  login:
    rows: at < '2026-09-01'
    columns: {person_name: "CASE WHEN person_name = 'boss' THEN person_name ELSE mask.hash(person_name, 40) END"}
  log: {rows: at >= '2025-01-01', columns: {line: mask.text(line)}}
  device: {columns: {mood: "'glad'", code: "mask.hash(code, 8)", price: price * 2}}
statements:
  - INSERT INTO login SELECT id, name, '2030-01-01' FROM person WHERE name = 'boss'
`;

let source: FreshDatabase;
let store: string;
const drops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  process.env.REPLICATOR_MASK_KEY = 'a key';
  source = await freshDatabase();
  drops.push(source.drop);
  const session = await superuserSession(source.name);
  await session.execute(schema);
  await session.end();
  store = (await freshBucket()).uri();
  await verbs().backup({ source: source.url, store });
});
afterAll(async () => {
  delete process.env.REPLICATOR_MASK_KEY;
  for (const drop of drops) await drop();
});

async function fileWith(text: string): Promise<string> {
  const file = join(await freshFolder('profile'), 'staging.yaml');
  await writeFile(file, text);
  return file;
}

async function restored(from: string, options: { profile?: string } = {}): Promise<FreshDatabase> {
  const target = await freshDatabase();
  drops.push(target.drop);
  await verbs().restore({ store: from, target: target.url, ...options });
  return target;
}

async function query(database: FreshDatabase, sql: string) {
  const session = await superuserSession(database.name);
  try {
    return await session.query(sql);
  } finally {
    await session.end();
  }
}

const everything = `SELECT (SELECT json_agg(p ORDER BY id) FROM person p) AS person,
  (SELECT json_agg(l ORDER BY at, line) FROM log l) AS log, (SELECT json_agg(d) FROM device d) AS device`;
// One row is made by a statement
const loginsBefore2030 = "SELECT * FROM login WHERE at < '2030-01-01' ORDER BY person_id";

describe('rules at the restore', () => {
  let target: FreshDatabase;
  beforeAll(async () => {
    // The value that is referred to and the one that refers differ in words
    await expect(restored(store, { profile: await fileWith(rules) })).rejects.toThrow(
      /staging\.yaml:\d+:\d+: login\.person_name refers to person\.name: mask both by the same expression/,
    );
    target = await restored(store, {
      profile: await fileWith(rules.replace(/columns: \{person_name: .*/, 'columns: {person_name: null}')),
    });
  });

  it('mask rows before anything could keep them as they were', async () => {
    expect(
      await query(target, "SELECT 1 FROM emails WHERE email LIKE 'planted%' OR note LIKE 'planted%'"),
    ).toEqual([]);
    expect(await query(target, 'SELECT * FROM audit')).toEqual([]);
    expect(
      await query(target, "SELECT 1 FROM person WHERE shout <> upper(email) OR name LIKE 'Planted%'"),
    ).toEqual([]);
    for (const text of ['Planted', 'planted', 'PLANTED'])
      expect(await filesThatHold(target.name, text)).toEqual([]);
    expect(await filesThatHold(source.name, 'planted')).not.toEqual([]);
  });

  it('mask by HMAC-SHA256 of the key, leave what is excepted, and keep to their types', async () => {
    const hmac = (text: string) => createHmac('sha256', 'a key').update(text).digest('hex');
    const rows = await query(target, 'SELECT id, name, email, data FROM person ORDER BY id');
    expect(rows).toHaveLength(302);
    expect(rows[0]).toMatchObject({
      id: 1,
      name: hmac('Planted1').slice(0, 40),
      email: `user-${hmac('planted1@example.org').slice(0, 16)}@example.invalid`,
      data: { keep: 1, inner: [{ api_token: 'masked', x: 1 }] },
    });
    expect(rows[300]).toMatchObject({ name: 'boss', email: 'boss@example.org' });
    expect(rows[301]).toMatchObject({ name: hmac(`Ünïcode\\ "q" 's'`).slice(0, 40), email: null });
  });

  it('keep the rows of which a predicate is true, in partitions too, and run statements', async () => {
    expect(await query(target, "SELECT count(*)::int AS n FROM login WHERE at < '2030-01-01'")).toEqual([
      { n: 242 },
    ]);
    expect(await query(target, "SELECT person_name FROM login WHERE at = '2030-01-01'")).toEqual([
      { person_name: 'boss' },
    ]);
    expect(await query(target, 'SELECT min(at)::text AS first, count(*)::int AS n FROM log')).toEqual([
      { first: '2025-01-01', n: 187 },
    ]);
  });
});

describe.each(['source', 'restore'] as const)('rows that go at the %s', (where) => {
  it('take with them what refers to them, where the rule says so: columns that may be NULL, else rows', async () => {
    const profile = await fileWith('version: 1\ntables: {device: {rows: none, referring: clear}}');
    const masked = (await freshBucket()).uri();
    if (where === 'source') await verbs().backup({ source: source.url, store: masked, profile });
    const target = where === 'source' ? await restored(masked) : await restored(store, { profile });
    expect(
      await query(
        target,
        'SELECT (SELECT count(*)::int FROM device) AS d, (SELECT count(*)::int FROM part) AS p',
      ),
    ).toEqual([{ d: 0, p: 0 }]);
    expect(await query(target, 'SELECT * FROM spare')).toEqual([{ part: null, note: 'stays' }]);
    const refused = fileWith('version: 1\ntables: {device: {rows: none}}').then((file) =>
      restored(store, { profile: file }),
    );
    await expect(refused).rejects.toThrow(/rows of device_1 can't go alone: part \(device\) refers to them/);
  });
});

describe('rules at the source', () => {
  it('give the same rows as at the restore with the same key, others with another, and are in the manifest', async () => {
    const profile = await fileWith(
      rules.replace(/columns: \{person_name: .*/, 'columns: {person_name: null}'),
    );
    const masked = (await freshBucket()).uri();
    const { backupId } = await verbs().backup({ source: source.url, store: masked, profile });
    const fromSource = await restored(masked);
    const atRestore = await restored(store, { profile });
    expect(await query(fromSource, everything)).toEqual(await query(atRestore, everything));
    expect(await query(fromSource, loginsBefore2030)).toEqual(await query(atRestore, loginsBefore2030));

    const { profile: changes, tables } = await readManifest(openStore(masked), backupId);
    expect(changes).toMatchObject({
      name: 'staging.yaml',
      filtered: expect.arrayContaining([{ table: 'public.log_old', rows: "at >= '2025-01-01'" }]),
    });
    expect(tables.find(({ name }) => name === 'login')?.rows).toBe(242);

    process.env.REPLICATOR_MASK_KEY = 'another key';
    const otherwise = await restored(store, { profile });
    process.env.REPLICATOR_MASK_KEY = 'a key';
    const names = "SELECT name FROM person WHERE name <> 'boss' ORDER BY id";
    const [one, other] = [await query(atRestore, names), await query(otherwise, names)];
    expect(other).toHaveLength(one.length);
    const seen = new Set(one.map(({ name }) => name));
    expect(other.filter(({ name }) => seen.has(name))).toEqual([]);
  });

  it('take predicates from the command line', async () => {
    const some = (await freshBucket()).uri();
    await verbs().backup({
      source: source.url,
      store: some,
      rows: ['login: person_id <= 10', "public.log: at < '2024-07-01'"],
    });
    const target = await restored(some);
    expect(
      await query(
        target,
        'SELECT (SELECT count(*)::int FROM login) AS a, (SELECT count(*)::int FROM log) AS b',
      ),
    ).toEqual([{ a: 10, b: 29 }]);
  });

  it('stop at a value that does not fit its column, without telling it', async () => {
    const failed = verbs().backup({
      source: source.url,
      store: (await freshBucket()).uri(),
      profile: await fileWith(
        'version: 1\ntables: {person: {columns: {name: note}}, login: {columns: {person_name: null}}}',
      ),
    });
    await expect(failed).rejects.toThrow(
      /person: .*the mask of public\.person\.name gives (NULL|more than 40 characters)/,
    );
    await expect(failed).rejects.not.toThrow(/planted note/);
  });
});

const unknown = `
version: 1
tables:
  persn: {rows: none}
  person:
    columns:
      nam: "''"
      note: (SELECT 1)
      email: mask.nothing(email)
`;

const unfit = `
version: 1
tables:
  person:
    columns:
      email: now()::text
      note: public.dice()::text
      data: id > 3
      name: "repeat('x', 41)"
      shout: null
  log:
    columns: {line: "generate_series(1, 2)::text"}
  login:
    rows: at > backup_time() - 3
    columns: {person_name: null}
`;

describe('a profile that does not fit', () => {
  it.each(['source', 'restore'] as const)(
    'is refused at the %s with all that is wrong, by line',
    async (where) => {
      const run = async (text: string) => {
        const profile = await fileWith(text);
        return where === 'source'
          ? verbs().backup({ source: source.url, store, profile })
          : restored(store, { profile });
      };
      const said = async (text: string): Promise<string> =>
        run(text).then(
          () => 'nothing was wrong',
          (error: { code: string; exitCode: number; message: string }) => {
            expect(error).toMatchObject({ code: 'BadProfile', exitCode: 2 });
            return error.message;
          },
        );
      const names = await said(unknown);
      expect(names).toMatch(/staging\.yaml:4:3: .*"persn" matches no table; is it person\?/);
      expect(names).toMatch(/:7:7: person has no column nam, or a generated one; is it name\?/);
      expect(names).toMatch(/:8:7: it looks at other rows/);
      expect(names).toMatch(/:9:7: there is no mask\.nothing/);
      expect(await said(unfit)).toMatch(/:10:7: person has no column shout/);
      const types = await said(unfit.replace(/ *shout: null\n/, ''));
      expect(types).toMatch(/:6:7: now\(\) is the time that it is/);
      expect(types).toMatch(/:7:7: public\.dice\(\) may give another value each time/);
      expect(types).toMatch(/:8:7: person\.data: /);
      expect(types).toMatch(
        /:9:7: person\.name: (the mask of .* gives more than 40 characters|value too long)/,
      );
      expect(types).toMatch(/:11:15: generate_series\(\) gives several rows/);
      expect(types).toMatch(/:13:5: login, rows: operator does not exist/);
    },
  );

  it.each(['source', 'restore'] as const)(
    'is refused at the %s when rows go that others refer to',
    async (where) => {
      const profile = await fileWith('version: 1\ntables: {person: {rows: id < 5}}');
      const run =
        where === 'source'
          ? verbs().backup({ source: source.url, store, profile })
          : restored(store, { profile });
      await expect(run).rejects.toThrow(/rows of person can't go alone: login \(person_id\) refers to them/);
    },
  );

  it('is refused when its masks are not unique, by the name of the table', async () => {
    const profile = await fileWith(
      'version: 1\ntables: {person: {columns: {name: "\'x\'"}}, login: {columns: {person_name: null}}}',
    );
    await expect(restored(store, { profile })).rejects.toMatchObject({
      code: 'MasksCollide',
      message: expect.stringMatching(/public\.person: .*\(of name\)/),
    });
  });
});
