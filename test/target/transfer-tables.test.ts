import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TableEntry } from '../../functions/archive/manifest.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { cleanUpTarget } from '../../functions/target/clean-up-target.ts';
import { TableDiffers, TargetBusy, TransferFailed } from '../../functions/target/errors.ts';
import { type Transferred, transferTables } from '../../functions/target/transfer-tables.ts';
import { definitionsOf, withSession } from '../definitions/load-definitions.ts';
import { type FreshDatabase, freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { contents, restoreSteps } from './restore-steps.ts';
import { makeSmall, smallSource } from './small-source.ts';
import type { SourceContents } from './source-database.ts';

const more = `
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
  CREATE TABLE by_mood (mood mood NOT NULL, n integer) PARTITION BY HASH (mood);
  CREATE TABLE by_mood_0 PARTITION OF by_mood FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE by_mood_1 PARTITION OF by_mood FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE event (id integer, at date, device integer REFERENCES device, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
  CREATE TABLE note (event integer, at date, FOREIGN KEY (event, at) REFERENCES event);
  CREATE TABLE unchecked (site integer);
  INSERT INTO by_mood SELECT m, n FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 10) n;
  INSERT INTO event SELECT n, date '2026-01-05' + n, n FROM generate_series(1, 40) n;
  INSERT INTO note SELECT n, date '2026-01-05' + n FROM generate_series(1, 10) n;
  INSERT INTO unchecked VALUES (999);
  ALTER TABLE unchecked ADD CONSTRAINT unchecked_site FOREIGN KEY (site) REFERENCES site NOT VALID`;

let source: FreshDatabase;
let read: SourceContents;
let target: FreshDatabase;
let handle: Database;

beforeEach(async () => {
  const small = await smallSource(more);
  source = small.database;
  read = small.contents;
  const role = await freshRole({ name: 'staging', createdb: true });
  target = await freshDatabase({ name: 'live', owner: role.name });
  await withSession(target.url, async (session) => {
    await session.execute(`SET ROLE "${role.name}"`);
    await makeSmall(session);
    await session.execute(more);
    await session.execute(`
      CREATE TABLE audit (what text);
      CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (TG_OP); RETURN NULL; END $$;
      CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON device FOR EACH ROW EXECUTE FUNCTION audit();
      CREATE TRIGGER audit_empty AFTER TRUNCATE ON device FOR EACH STATEMENT EXECUTE FUNCTION audit();
      ALTER TABLE device ENABLE ALWAYS TRIGGER audit_rows;
      CREATE TRIGGER sleeping BEFORE INSERT ON device FOR EACH ROW EXECUTE FUNCTION shout();
      ALTER TABLE device DISABLE TRIGGER sleeping;
      CREATE POLICY everything ON device USING (false);
      ALTER TABLE device ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
    await session.execute('RESET ROLE');
    await session.execute(`
      UPDATE device SET name = 'changed' WHERE id < 100;
      UPDATE site SET name = 'other ' || id;
      UPDATE unchecked SET site = 5;
      INSERT INTO device (id, site, name) VALUES (9000, 1, 'only here');
      DELETE FROM audit`);
    await session.execute("SELECT setval('device_id_seq', 9999)");
  });
  handle = await openDatabase(target.urlAs(role));
});
afterEach(async () => {
  await source.drop();
  await target.drop();
});

async function transfer(
  names: readonly string[],
  during: () => Promise<void> = async () => {},
  change: (entry: TableEntry) => TableEntry = (entry) => entry,
): Promise<Transferred> {
  const restore = restoreSteps(handle, read);
  for (const step of restore.steps.slice(0, 3)) await step.run();
  await during();
  try {
    return await transferTables(handle, restore.rebuild(), {
      tables: read.tables.filter(({ name }) => names.includes(name)).map(change),
      sequences: read.sequences,
    });
  } finally {
    await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
  }
}

const rowsOf = (url: string) => withSession(url, contents);
const definitions = async (url: string) => (await definitionsOf(url)).schema;

test('selected tables get the backup’s rows, everything else stays, foreign keys and triggers included', async () => {
  const [before, definitionsBefore] = [await rowsOf(target.url), await definitions(target.url)];
  const from = await rowsOf(source.url);
  const transferred = await transfer(['device']);
  expect(transferred).toEqual({ tables: 1, rows: 500, notes: [] });
  expect(await rowsOf(target.url)).toEqual({ ...before, 'public.device': from['public.device'] });
  expect(await definitions(target.url)).toBe(definitionsBefore);
  const next = await withSession(target.url, (session) =>
    session.query("SELECT nextval('device_id_seq')::int AS next"),
  );
  expect(next).toEqual([{ next: 501 }]);
});

test('tables that refer to one another come together, and a view on them shows the new rows', async () => {
  const from = await rowsOf(source.url);
  const { notes } = await transfer(['device', 'site', 'unchecked']);
  const after = await rowsOf(target.url);
  for (const table of ['public.device', 'public.site', 'public.unchecked'])
    expect(after[table]).toBe(from[table]);
  expect(notes).toEqual([]);
  expect(after['public.sites']).toBe(from['public.sites']);
  const [kept] = await withSession(target.url, (session) =>
    session.query("SELECT convalidated AS valid FROM pg_constraint WHERE conname = 'unchecked_site'"),
  );
  expect(kept).toEqual({ valid: false });
});

test('a row that the rest of the target refers to and the backup lacks stops it all, by the constraint’s name', async () => {
  await withSession(target.url, (session) => session.execute('UPDATE site SET manager = 9000 WHERE id = 3'));
  const [before, definitionsBefore] = [await rowsOf(target.url), await definitions(target.url)];
  const failed = transfer(['device']);
  await expect(failed).rejects.toThrow(TransferFailed);
  await expect(failed).rejects.toThrow(
    /foreign key site_manager of public\.site does not hold: 1 rows of public\.site would refer to rows of public\.device that are not there; .*nothing was changed/s,
  );
  expect(await rowsOf(target.url)).toEqual(before);
  expect(await definitions(target.url)).toBe(definitionsBefore);
  const next = await withSession(target.url, (session) =>
    session.query("SELECT nextval('device_id_seq')::int AS next"),
  );
  expect(next).toEqual([{ next: 10000 }]);
});

test('partitions are replaced one by one, keys of the partitioned table come back', async () => {
  await withSession(target.url, (session) =>
    session.execute("INSERT INTO event VALUES (1000, '2026-02-05', 1), (1001, '2026-01-05', 1)"),
  );
  const [before, definitionsBefore] = [await rowsOf(target.url), await definitions(target.url)];
  const from = await rowsOf(source.url);
  await transfer(['event_1']);
  const after = await rowsOf(target.url);
  expect(after['public.event_1']).toBe(from['public.event_1']);
  expect(after['public.event_2']).toBe(before['public.event_2']);
  expect(await definitions(target.url)).toBe(definitionsBefore);
});

test('hash partitions by an enum come together only', async () => {
  await withSession(target.url, (session) => session.execute('DELETE FROM by_mood WHERE n > 3'));
  await expect(transfer(['by_mood_0'])).rejects.toThrow(/select all its partitions \(by_mood_1 too\)/);
  await transfer(['by_mood_0', 'by_mood_1']);
  expect((await rowsOf(target.url))['public.by_mood']).toBe((await rowsOf(source.url))['public.by_mood']);
});

test('other columns, a missing table and rows that were left out are refused together, before anything', async () => {
  await withSession(target.url, (session) =>
    session.execute(
      'ALTER TABLE device ALTER COLUMN name TYPE varchar(50), ADD COLUMN extra text; DROP TABLE secret',
    ),
  );
  const before = await rowsOf(target.url);
  const failed = transfer(['device', 'secret', 'site'], undefined, (entry) =>
    entry.name === 'site' ? { ...entry, content: 'definition' } : entry,
  );
  await expect(failed).rejects.toThrow(TableDiffers);
  await expect(failed).rejects.toThrow(
    /device\.name: text in the backup, character varying\(50\) in the target/,
  );
  await expect(failed).rejects.toThrow(/device\.extra: no such column in the backup, text in the target/);
  await expect(failed).rejects.toThrow(/secret: the target has no such table/);
  await expect(failed).rejects.toThrow(/site: its rows were left out of the backup/);
  expect(await rowsOf(target.url)).toEqual(before);
});

test('tables that others keep locked are given up after a while, and readers wait for seconds only', async () => {
  let holder: Session | undefined;
  const before = await rowsOf(target.url);
  const failed = transfer(['device'], async () => {
    holder = await (await openDatabase(target.url)).connect({ applicationName: 'holder' });
    await holder.execute('BEGIN; SELECT count(*) FROM device');
  });
  await expect(failed).rejects.toThrow(TargetBusy);
  await holder?.end();
  expect(await rowsOf(target.url)).toEqual(before);
});
