import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { growChangeLog } from '../../bench/data/grow-change-log.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

const mebibyte = 1024 * 1024;

/** 300 people for each, known by name in the change log as well. */
const manyPeople = `
  INSERT INTO auth_user SELECT (jsonb_populate_record(u, jsonb_build_object(
      'id', md5(u.id || ' ' || n)::uuid, 'username', u.username || '-planted-' || n,
      'email', u.username || n || '@planted.example'))).*
    FROM auth_user u, generate_series(1, 300) n;
  UPDATE extras_objectchange c SET user_id = u.id, user_name = u.username
    FROM (SELECT id, username, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS all FROM auth_user) u
   WHERE u.place = 1 + abs(hashtext(c.id::text)) % u.all;
`;

/** What objects were is emptied: masking JSON key by key takes longer than all else, and is tested with fewer rows. */
const history = `
version: 1
extends: nautobot
switches: {history: recent, history_days: 36500}
tables:
  extras_objectchange: {columns: {object_data: "'{}'", object_data_v2: "'{}'"}}
`;

let source: FreshDatabase;
let target: FreshDatabase;
beforeAll(async () => {
  [source, target] = [await freshDatabase({ template: 'nautobot_31' }), await freshDatabase()];
  await growChangeLog(await openDatabase(source.url), 30 * mebibyte, 2);
  const session = await superuserSession(source.name);
  await session.execute(manyPeople);
  await session.end();
}, 240_000);
afterAll(async () => {
  await source.drop();
  await target.drop();
});

test('on a grown change log that stays, unique and foreign keys hold, and its names are those of the same people', async () => {
  const profile = join(await freshFolder('profile'), 'history.yaml');
  await writeFile(profile, history);
  const store = (await freshBucket()).uri();
  process.env.REPLICATOR_MASK_KEY = 'a key of this test';
  try {
    await verbs().backup({ source: source.url, store });
    await verbs().restore({ store, target: target.url, profile });
  } finally {
    delete process.env.REPLICATOR_MASK_KEY;
  }
  const [before, after] = [await superuserSession(source.name), await superuserSession(target.name)];
  const counts = `SELECT (SELECT count(*)::int FROM auth_user) AS people, (SELECT count(*)::int FROM extras_objectchange) AS changes,
    (SELECT count(DISTINCT username)::int FROM auth_user) AS names,
    (SELECT count(*)::int FROM extras_objectchange c JOIN auth_user u ON u.id = c.user_id AND u.username = c.user_name) AS same`;
  const [had] = await before.query<Record<string, number>>(counts);
  expect(had?.people).toBeGreaterThan(1_000);
  expect(had?.changes).toBeGreaterThan(3_000);
  expect(had?.same).toBe(had?.changes);
  expect(await after.query(counts)).toEqual([had]);
  expect(
    await after.query(`SELECT 'constraint' AS kind, conname AS name FROM pg_constraint WHERE NOT convalidated
      UNION ALL SELECT 'index', indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready)`),
  ).toEqual([]);
  const left = `SELECT 'user' AS place FROM auth_user u WHERE u::text LIKE '%planted%'
    UNION ALL SELECT 'change' FROM extras_objectchange c WHERE c::text LIKE '%planted%'`;
  expect((await before.query(left)).length).toBeGreaterThan(1_000);
  expect(await after.query(left)).toEqual([]);
  await Promise.all([before.end(), after.end()]);
}, 240_000);
