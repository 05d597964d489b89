import { pbkdf2Sync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RestoreOutcome } from '../../cli/report/restore-report.ts';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { filesThatHold } from './files-that-hold.ts';
import { everyMarker, findMarkers, type PlantedColumn, plantSecrets } from './planted.ts';

/** Rules taken out one by one; what they are about must come through, and nothing else. */
const withoutRules = `
version: 1
extends: nautobot
switches: {config_contexts: keep}
tables:
  users_token: {rows: all}
  extras_webhook: {columns: {secret: keep}}
  extras_secret: {columns: {parameters: keep}}
  extras_contact: {optional: true, columns: {phone: keep}}
  silk_request: {rows: all}
`;
const comeThrough = [
  /^users_token\./,
  /^extras_webhook\.secret$/,
  /^extras_secret\.parameters$/,
  /^extras_contact\.phone$/,
  /^silk_request\./,
  /^extras_configcontext\.data$/,
  /context_data$/,
];

/** An application's table: it refers to what goes, and holds what nobody has told of. */
const application = `
  CREATE TABLE my_app_license (id int PRIMARY KEY, api_key text, license_token varchar(40), owner_id int,
    result_id uuid REFERENCES extras_jobresult, log_id uuid NOT NULL REFERENCES extras_joblogentry);
  INSERT INTO my_app_license SELECT 1, 'k', 't', 1, job_result_id, id FROM extras_joblogentry LIMIT 1;
  CREATE TABLE my_app_sync (id int PRIMARY KEY, api_secret text, result_id uuid REFERENCES extras_jobresult);
  INSERT INTO my_app_sync SELECT 1, 's', id FROM extras_jobresult LIMIT 1;
`;

describe.each([
  ['nautobot_31', 'kevans'],
  ['nautobot_16', 'admin'],
] as const)('the built-in profile on %s', (template, superuser) => {
  let source: FreshDatabase;
  let store: string;
  let planted: PlantedColumn[];
  let safe: { target: FreshDatabase; outcome: RestoreOutcome };
  const drops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    source = await freshDatabase({ template });
    drops.push(source.drop);
    const session = await superuserSession(source.name);
    await session.execute(application);
    planted = await plantSecrets(session);
    await session.execute(
      `UPDATE auth_user SET username = '${superuser}', is_active = true WHERE id = (SELECT id FROM auth_user WHERE is_superuser LIMIT 1)`,
    );
    await session.end();
    store = (await freshBucket()).uri();
    await verbs().backup({ source: source.url, store });
    safe = await restored({ profile: 'nautobot' });
  });
  afterAll(async () => {
    for (const drop of drops) await drop();
  });

  const restored = async (options: Partial<Parameters<ReturnType<typeof verbs>['restore']>[0]>) => {
    const target = await freshDatabase();
    drops.push(target.drop);
    const outcome = await verbs().restore({ store, target: target.url, ...options });
    return { target, outcome };
  };
  const query = async (database: FreshDatabase, sql: string) => {
    const session = await superuserSession(database.name);
    try {
      return await session.query(sql);
    } finally {
      await session.end();
    }
  };
  const markersIn = async (database: FreshDatabase) => {
    const session = await superuserSession(database.name);
    try {
      return (await findMarkers(session, planted)).map(({ table, column }) => `${table}.${column}`);
    } finally {
      await session.end();
    }
  };

  it('lets nothing through that was planted, in no row and in no file of the database', async () => {
    expect(planted.length).toBeGreaterThan(template === 'nautobot_31' ? 70 : 55);
    expect(await markersIn(source)).toEqual(planted.map(({ table, column }) => `${table}.${column}`));
    expect(await markersIn(safe.target)).toEqual([]);
    expect(await filesThatHold(source.name, everyMarker)).not.toEqual([]);
    expect(await filesThatHold(safe.target.name, everyMarker)).toEqual([]);
  });

  it('leaves nothing alive that would act on the world', async () => {
    const tables = [
      'extras_webhook',
      'extras_jobhook',
      'extras_scheduledjob',
      'django_celery_beat_periodictask',
    ];
    if (template === 'nautobot_31') tables.push('extras_jobbutton');
    const enabled = tables.map((table) => `SELECT '${table}' AS name FROM ${table} WHERE enabled`);
    expect(await query(safe.target, enabled.join(' UNION ALL '))).toEqual([]);
    expect(
      await query(
        safe.target,
        `SELECT remote_url FROM extras_gitrepository WHERE remote_url NOT LIKE 'https://git.invalid/%' OR provided_contents <> '[]'
         UNION ALL SELECT payload_url FROM extras_webhook WHERE payload_url NOT LIKE 'https://webhook.invalid/%'`,
      ),
    ).toEqual([]);
    if (template === 'nautobot_16')
      expect(await query(safe.target, 'SELECT 1 FROM extras_jobbutton_content_types')).toEqual([]);
    expect(await query(safe.target, "SELECT username FROM auth_user WHERE password NOT LIKE '!%'")).toEqual(
      [],
    );
  });

  it('clears what applications have that refers to rows that go, and names what looks like a secret there', async () => {
    expect(await query(safe.target, 'SELECT result_id FROM my_app_sync')).toEqual([{ result_id: null }]);
    expect(await query(safe.target, 'SELECT * FROM my_app_license')).toEqual([]);
    const section = safe.outcome.report?.sections.Sanitize;
    expect(section?.suspicious).toEqual(['public.my_app_sync.api_secret']);
    expect(section?.removed).toContainEqual({ table: 'public.my_app_license', rows: 1 });
    expect(section?.masked).toContainEqual(
      expect.objectContaining({
        table: 'public.auth_user',
        columns: expect.arrayContaining(['password', 'email']),
      }),
    );
    expect(section?.disabled).toContainEqual({ table: 'public.extras_webhook', column: 'enabled', rows: 1 });
  });

  it('lets the history of some days be replaced alone, without its secrets and people', async () => {
    const profile = join(await freshFolder('profile'), 'recent.yaml');
    await writeFile(
      profile,
      'version: 1\nextends: nautobot\nswitches: {history: recent, history_days: 36500}',
    );
    const table = ['extras_objectchange', 'extras_jobresult', 'extras_joblogentry', 'extras_webhook'];
    await verbs().restore({ store, target: safe.target.url, table, profile });
    const changes = 'SELECT count(*)::int AS n FROM extras_objectchange';
    expect(await query(safe.target, changes)).toEqual(await query(source, changes));
    expect(
      await query(safe.target, "SELECT object_data #> '{deep,0}' AS data FROM extras_objectchange LIMIT 1"),
    ).toEqual([{ data: { api_token: 'masked' } }]);
    expect(await markersIn(safe.target)).toEqual([]);
  });

  it('is what keeps each secret away: without a rule, what it is about comes through, and only that', async () => {
    const file = join(await freshFolder('profile'), 'staging.yaml');
    await writeFile(file, withoutRules);
    process.env.REPLICATOR_STAGING_ADMIN_PASSWORD = 'correct horse';
    const { target } = await restored({ profile: file, keepAdmin: superuser, stagingAdmin: 'ops' });
    delete process.env.REPLICATOR_STAGING_ADMIN_PASSWORD;
    const names = planted.map(({ table, column }) => `${table}.${column}`);
    const kept = ['first_name', 'last_name', 'email', 'password', 'config_data'].map(
      (column) => `auth_user.${column}`,
    );
    expect(await markersIn(target)).toEqual(
      names.filter((name) => comeThrough.some((rule) => rule.test(name)) || kept.includes(name)),
    );

    // The one who is kept, and the one who is made
    const users = await query(
      target,
      `SELECT username, password LIKE '!%' AS locked, password, is_superuser AND is_active AS super FROM auth_user
        WHERE username IN ('${superuser}', 'ops') ORDER BY username = 'ops'`,
    );
    expect(users).toMatchObject([
      { username: superuser, locked: false, super: true },
      { username: 'ops', locked: false, super: true },
    ]);
    const [, iterations, salt = '', hash] = String(users[1]?.password).split('$');
    expect(pbkdf2Sync('correct horse', salt, Number(iterations), 32, 'sha256').toString('base64')).toBe(hash);
    expect(
      await query(target, `SELECT count(*)::int AS n FROM auth_user WHERE password NOT LIKE '!%'`),
    ).toEqual([{ n: 2 }]);
  });
});
