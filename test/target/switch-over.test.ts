import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { SessionsInTheWay } from '../../functions/target/errors.ts';
import { dropPrevious, isSwitched, switchBack, switchOver } from '../../functions/target/switch-over.ts';
import { isMarked, markTarget } from '../../functions/target/target-mark.ts';
import { withSession } from '../definitions/load-definitions.ts';
import { type FreshDatabase, freshDatabase, freshRole, serverUrl } from '../servers/fresh-database.ts';
import { type RestoreUnderTest, restoreSteps } from './restore-steps.ts';
import { makeSmall, smallSource } from './small-source.ts';
import type { SourceContents } from './source-database.ts';

let source: FreshDatabase;
let contents: SourceContents;
const made: FreshDatabase[] = [];

beforeAll(async () => {
  const small = await smallSource('CREATE SCHEMA extra; CREATE TABLE extra.fresh (id serial)');
  source = small.database;
  contents = small.contents;
});
afterAll(async () => {
  for (const database of [source, ...made]) await database.drop();
});

async function target(options: Parameters<typeof freshDatabase>[0] = {}): Promise<FreshDatabase> {
  const database = await freshDatabase({ name: 'Staging "odd"', ...options });
  made.push(database);
  return database;
}

async function buildBeside(url: string): Promise<RestoreUnderTest> {
  const restore = restoreSteps(await openDatabase(url), contents);
  for (const step of restore.steps.slice(0, -1)) await step.run();
  return restore;
}

const sites = (session: Session) =>
  session.query<{ n: number }>('SELECT count(*)::int AS n FROM public.site');

/** A client that connects again as soon as it is thrown out, as an application's pool does. */
function reconnecting(url: string) {
  let going = true;
  const seen = new Set<string>();
  const client = (async () => {
    const database = await openDatabase(url);
    while (going) {
      const session = await database.connect({ applicationName: 'pool' }).catch(() => undefined);
      if (!session) continue;
      try {
        while (going) {
          const [row] = await session.query<{ oid: string }>(
            'SELECT oid::text AS oid FROM pg_database WHERE datname = current_database()',
          );
          seen.add(String(row?.oid));
        }
      } catch {
        // Thrown out
      } finally {
        await session.end();
      }
    }
  })();
  return {
    seen,
    async stop() {
      going = false;
      await client;
    },
  };
}

test('clients that reconnect at once are all in the new database afterwards, and were away for a moment', async () => {
  const database = await target();
  const restore = await buildBeside(database.url);
  const clients = Array.from({ length: 6 }, () => reconnecting(database.url));
  await sleep(300);
  const handle = await openDatabase(database.url);
  const switched = await switchOver(handle, restore.rebuild(), { backupId: 'b' });
  await sleep(300);
  for (const client of clients) await client.stop();
  expect(switched.endedSessions).toBeGreaterThanOrEqual(6);
  expect(switched.awayMs).toBeLessThan(5_000);
  for (const client of clients) expect(client.seen.size).toBe(2);
  expect(await withSession(database.url, sites)).toEqual([{ n: 20 }]);
  expect(await dropPrevious(handle, restore.rebuild())).toBe(true);
  expect(await dropPrevious(handle, restore.rebuild())).toBe(false);
});

test('a second switch-over finds the first one done; switching back brings the old database back', async () => {
  const database = await target();
  await withSession(database.url, (session) => session.execute('CREATE TABLE old (a integer)'));
  const handle = await openDatabase(database.url);
  const restore = await buildBeside(database.url);
  expect(await isSwitched(handle, restore.rebuild())).toBe(false);
  await switchOver(handle, restore.rebuild(), { backupId: 'b' });
  expect(await isSwitched(handle, restore.rebuild())).toBe(true);
  expect((await switchOver(handle, restore.rebuild(), { backupId: 'b' })).endedSessions).toBe(0);
  await switchBack(handle, restore.rebuild());
  await switchBack(handle, restore.rebuild());
  expect(await isSwitched(handle, restore.rebuild())).toBe(false);
  await withSession(database.url, (session) => session.query('SELECT * FROM old'));
  await switchOver(handle, restore.rebuild(), { backupId: 'b' });
  expect(await withSession(database.url, sites)).toEqual([{ n: 20 }]);
  await dropPrevious(handle, restore.rebuild());
});

test('settings, rights, limits, comment and mark of the old database are the new one’s', async () => {
  const owner = await freshRole({ name: 'owner', createdb: true });
  const reader = await freshRole({ name: 'Odd "reader"' });
  const database = await target({ owner: owner.name });
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  await withSession(database.url, async (session) => {
    const name = quoted(database.name);
    await session.execute(`SET ROLE ${quoted(owner.name)}`);
    await makeSmall(session);
    await session.execute(`
      CREATE TABLE gone (a integer);
      GRANT SELECT ON gone TO ${quoted(reader.name)};
      GRANT SELECT ON site TO ${quoted(reader.name)} WITH GRANT OPTION;
      GRANT UPDATE (name) ON device TO ${quoted(reader.name)};
      GRANT USAGE ON SEQUENCE site_id_seq TO ${quoted(reader.name)};
      REVOKE EXECUTE ON FUNCTION shout() FROM PUBLIC;
      ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${quoted(reader.name)};
      REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
      GRANT CONNECT ON DATABASE ${name} TO ${quoted(reader.name)};
      COMMENT ON DATABASE ${name} IS E'of the team\\nsecond line';
      ALTER DATABASE ${name} CONNECTION LIMIT 37;
      ALTER DATABASE ${name} SET search_path = "$user", public, "Odd, path";
      ALTER DATABASE ${name} SET statement_timeout = '61s';
      CREATE SCHEMA attic;
      CREATE PUBLICATION news FOR TABLE site`);
    await session.execute(
      `RESET ROLE; ALTER ROLE ${quoted(reader.name)} IN DATABASE ${name} SET work_mem = '7MB'`,
    );
  });
  const handle = await openDatabase(database.urlAs(owner));
  await markTarget(handle);
  const settings = (session: Session) =>
    session.query(
      `SELECT d.datacl::text, d.datconnlimit, o.rolname,
              (SELECT json_agg(json_build_object('role', r.rolname, 'config', s.setconfig) ORDER BY r.rolname)
                 FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = d.oid
                  AND s.setrole = 0) AS settings
         FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba WHERE d.datname = current_database()`,
    );
  const rights = (session: Session) =>
    session.query(
      `SELECT c.relname, (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(c.relacl) a) AS acl,
              (SELECT json_agg(a.attacl::text) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL) AS columns,
              (SELECT p.proacl::text FROM pg_proc p WHERE p.proname = 'shout') AS function
         FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('site', 'device', 'site_id_seq') ORDER BY 1`,
    );
  const before = await withSession(database.url, async (session) => [
    await settings(session),
    await rights(session),
  ]);
  const restore = restoreSteps(handle, contents);
  for (const step of restore.steps) await step.run();
  const after = await withSession(database.url, async (session) => [
    await settings(session),
    await rights(session),
  ]);
  expect(after).toEqual(before);

  expect(await isMarked(handle)).toBe(true);
  const [comment] = await withSession(database.url, (session) =>
    session.query<{ text: string }>(
      `SELECT shobj_description(oid, 'pg_database') AS text FROM pg_database WHERE datname = current_database()`,
    ),
  );
  expect(comment?.text).toMatch(
    /^of the team\nsecond line\nreplicator: restore target since .*\nreplicator: restored by run .* from backup backup at /,
  );
  // What only the new database has follows the default privileges
  const [fresh] = await withSession(database.url, (session) =>
    session.query(`SELECT has_table_privilege($1, 'extra.fresh', 'SELECT') AS may`, [reader.name]),
  );
  expect(fresh).toEqual({ may: true });
  expect(restore.switched().carriedOver).toEqual([
    expect.stringMatching(/^rights on the database of .*Odd "reader"/),
    'connection limit 37',
    'comment, with the mark as a restore target',
    'settings: search_path, statement_timeout',
    expect.stringMatching(/^settings of role "Odd "reader".*": work_mem$/),
    expect.stringMatching(/^rights of role "Odd "reader".*" on 3 objects$/),
    expect.stringMatching(/^default privileges of role "owner_/),
  ]);
  expect(restore.notes).toContain("publication of the old database that the new one doesn't have: news");
  expect(restore.notes).toContain("schema of the old database that the new one doesn't have: attic");
  expect(restore.notes.filter((note) => note.includes('public.gone'))).toHaveLength(1);
  expect(restore.notes.filter((note) => note.includes('work_mem'))).toHaveLength(1);
  await dropPrevious(handle, restore.rebuild());
});

test('a role of the application’s that owned tables of a superuser’s database owns the new ones', async () => {
  const app = await freshRole({ name: 'app' });
  const database = await target();
  await withSession(database.url, async (session) => {
    await session.execute(
      `GRANT ALL ON DATABASE "${database.name.replaceAll('"', '""')}" TO "${app.name}"; GRANT ALL ON SCHEMA public TO "${app.name}"; SET ROLE "${app.name}"`,
    );
    await makeSmall(session);
  });
  const handle = await openDatabase(database.url);
  const restore = restoreSteps(handle, contents);
  for (const step of restore.steps) await step.run();
  await withSession(serverUrl(database.name, app), (session) =>
    session.execute('ALTER TABLE site ADD COLUMN migrated boolean; CREATE TABLE by_migration (a integer)'),
  );
  await dropPrevious(handle, restore.rebuild());
});

test('nobody but the restoring role can connect before the switch-over, its owner neither', async () => {
  const owner = await freshRole({ name: 'owner' });
  const stranger = await freshRole({ name: 'stranger' });
  const loader = await freshRole({ name: 'loader', createdb: true, memberOf: [owner.name] });
  const database = await target({ owner: owner.name });
  const handle = await openDatabase(database.urlAs(loader));
  const restore = restoreSteps(handle, contents);
  for (const step of restore.steps) {
    if (step.name === 'switch-over') break;
    await step.run();
    for (const role of [owner, stranger]) {
      const hidden = await openDatabase(serverUrl(restore.rebuild().hidden, role));
      await expect(hidden.connect({ applicationName: 'spy' })).rejects.toThrow(/permission denied/);
    }
  }
  await restore.steps.at(-1)?.run();
  await withSession(serverUrl(database.name, owner), sites);
  await dropPrevious(handle, restore.rebuild());
});

test('a session that can’t be ended leaves the target as it was, and is named', async () => {
  const database = await target();
  const restore = await buildBeside(database.url);
  const owner = await freshRole({ name: 'weak', createdb: true });
  await withSession(database.url, (session) =>
    session.execute(`ALTER DATABASE "${database.name.replaceAll('"', '""')}" OWNER TO "${owner.name}";
      ALTER DATABASE "${restore.rebuild().hidden.replaceAll('"', '""')}" OWNER TO "${owner.name}";
      GRANT CONNECT ON DATABASE "${restore.rebuild().hidden.replaceAll('"', '""')}" TO "${owner.name}"`),
  );
  // A superuser's session, which such a role may not end
  const blocker = await (await openDatabase(database.url)).connect({ applicationName: 'the blocker' });
  const weak = await openDatabase(database.urlAs(owner));
  const rebuild = { ...restore.rebuild(), databaseOwner: owner.name };
  await withSession(serverUrl(rebuild.hidden), (session) =>
    session.execute('DROP SCHEMA replicator_bookkeeping CASCADE'),
  );
  const failed = switchOver(weak, rebuild, { backupId: 'b' });
  await expect(failed).rejects.toThrow(SessionsInTheWay);
  await expect(failed).rejects.toThrow(/it is as before: .*the blocker/s);
  await blocker.query('SELECT 1');
  await blocker.end();
  expect(await isSwitched(weak, rebuild)).toBe(false);
  await switchOver(weak, rebuild, { backupId: 'b' });
  expect(await isSwitched(weak, rebuild)).toBe(true);
  await dropPrevious(weak, rebuild);
}, 120_000);
