import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { readDefinition } from '../../local/definition.ts';
import { type PostgresServer, startPostgres } from '../../local/servers/postgres.ts';
import { freePort } from '../../local/servers/supervised.ts';
import { watchedRun } from '../faults/watched-run.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { cliInProcess } from './run-cli.ts';

/** A server of its own: what speaks against a target needs settings, and stays there. */
let server: PostgresServer;
let source: FreshDatabase;
let store: string;
let media: string;

const migrations = (newest: Record<string, string>) => `
  CREATE TABLE django_migrations (id serial PRIMARY KEY, app text, name text, applied timestamptz DEFAULT now());
  ${Object.entries(newest)
    .map(([app, name]) => `INSERT INTO django_migrations (app, name) VALUES ('${app}', '${name}');`)
    .join('\n')}`;

beforeAll(async () => {
  server = await startPostgres({
    settings: { wal_level: 'logical', max_prepared_transactions: '5', max_connections: '50' },
  });
  const bucket = await freshBucket();
  Object.assign(process.env, bucket.env);
  store = bucket.uri('guards');
  source = await freshDatabase({ name: 'guarded_source' });
  media = await freshFolder();
  const session = await superuserSession(source.name);
  await session.execute(`${migrations({ dcim: '0062_newest', golden_config: '0003_plan' })}
    CREATE TABLE device (id int PRIMARY KEY, name text); INSERT INTO device SELECT g, 'x' FROM generate_series(1, 50) g`);
  await session.end();
  const { code, stderr } = await cliInProcess([
    ...['backup', '--source', source.url, '--store', store, '--media', media],
  ]);
  expect(code, stderr).toBe(0);
});
afterAll(() => server.stop());

async function execute(sql: string, database = 'postgres', url = server.url(database)): Promise<void> {
  const session = await (await openDatabase(url)).connect({ applicationName: 'test' });
  try {
    await session.execute(sql);
  } finally {
    await session.end();
  }
}

async function everything(): Promise<string> {
  const keys: string[] = [];
  for await (const { key } of openStore(store).list('')) keys.push(key);
  const session = await (await openDatabase(server.url('postgres'))).connect({ applicationName: 'test' });
  try {
    const databases = await session.query(
      `SELECT datname, datacl::text, shobj_description(oid, 'pg_database') AS comment FROM pg_database ORDER BY 1`,
    );
    return JSON.stringify([keys, databases]);
  } finally {
    await session.end();
  }
}

async function refusal(args: readonly string[], env: Record<string, string> = {}) {
  Object.assign(process.env, env);
  try {
    const { code, stdout, stderr } = await cliInProcess(args);
    return { code, stdout, stderr };
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
  }
}

const restore = (url: string, ...more: string[]) => [
  ...['restore', '--store', store, '--target', url, ...more],
];

describe('a target that everything speaks against', () => {
  let url: string;
  let holder: Session;
  let noCache: string;

  beforeAll(async () => {
    await execute(`CREATE ROLE weak LOGIN PASSWORD 'weak'`);
    await execute(`CREATE DATABASE bad TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc`);
    await execute(`${migrations({ dcim: '0050_old' })} GRANT SELECT ON django_migrations TO weak`, 'bad');
    await execute('CREATE TABLE t (a int)', 'bad');
    await execute(`SELECT pg_create_logical_replication_slot('consumer', 'pgoutput')`, 'bad');
    await execute(
      `CREATE SUBSCRIPTION feeds CONNECTION 'host=127.0.0.1 dbname=nowhere' PUBLICATION p WITH (connect = false)`,
      'bad',
    );
    // Last: making a slot waits for every open transaction
    await execute(`BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'left'`, 'bad');
    holder = await (await openDatabase(server.url('bad'))).connect({ applicationName: 'psql of an admin' });
    url = server.url('bad', 'weak', 'weak');
    noCache = `redis://127.0.0.1:${await freePort()}`;
  });
  afterAll(() => holder.end());

  const safety = ['TargetNotListed', 'TargetNotAllowed', 'TargetRunsOlderCode'];
  const findings: Record<string, RegExp> = {
    'allowed-targets':
      /is not on the list of allowed targets \(staging\.example\/\*\); .*REPLICATOR_ALLOWED_TARGETS/,
    mark: /is not marked as a restore target; .*replicator allow-target URL \(or confirm with --yes\)/,
    encoding:
      /the database's encoding is LATIN1, the backup's is UTF8: create the target with TEMPLATE template0/,
    privileges: /role "weak" may not create databases: ALTER ROLE "weak" CREATEDB/,
    'prepared-transactions':
      /prepared transaction 'left' holds the database: COMMIT PREPARED or ROLLBACK PREPARED/,
    'replication-slots':
      /replication slot consumer belongs to the database: .*pg_drop_replication_slot\('consumer'\)/,
    subscriptions: /subscription feeds writes into the database: DROP SUBSCRIPTION/,
    sessions:
      /process \d+ \(role postgres, application 'psql of an admin'\) is connected, and role weak may not end it/,
    migrations:
      /code is older than the backup: dcim is at 0050_old, the backup at 0062_newest\. .*--allow-older-code/,
    media: /\/no\/such\/media/,
    cache: /redis:\/\/127\.0\.0\.1:\d+|127\.0\.0\.1:\d+/,
  };
  const args = () =>
    restore(url, '--media', '/no/such/media', '--invalidate-cache', noCache, '--source', source.url);
  const env = { REPLICATOR_ALLOWED_TARGETS: 'staging.example/*' };

  test('is refused with all of it at once and exit code 3, and nothing is built', async () => {
    const before = await everything();
    const { code, stderr } = await refusal(args(), env);
    for (const finding of Object.values(findings)) expect(stderr).toMatch(finding);
    expect(stderr).toMatch(/can't be restored into yet, nothing was built:/);
    expect(stderr).toMatch(/the database belongs to "postgres", and role "weak" is not a member of it/);
    expect(stderr).toMatch(/\(TargetNotListed\)\n$/);
    expect(code).toBe(3);
    // But for the report that every restore leaves
    expect((await everything()).replace(/,"reports[^"]*"/g, '')).toBe(before);
  });

  test('is shown with all of it by a dry run, which leaves nothing anywhere', async () => {
    const before = await everything();
    const { code, stdout } = await refusal([...args(), '--json', '--dry-run'], env);
    const found = JSON.parse(stdout).dryRun;
    for (const [name, message] of Object.entries(findings))
      expect(found.checks).toContainEqual(
        expect.objectContaining({ name, outcome: 'refused', message: expect.stringMatching(message) }),
      );
    expect(found).toMatchObject({ possible: false, exitCode: 3, rows: 52, tables: 2 });
    const codes = found.checks.flatMap(({ code }: { code?: string }) => code ?? []);
    for (const one of safety) expect(codes).toContain(one);
    expect(code).toBe(3);
    expect(await everything()).toBe(before);
  });

  test('ends with exit code 2 where only what is missing speaks against it', async () => {
    const { code, stderr } = await refusal([...args(), '--yes', '--allow-older-code']);
    expect(stderr).toMatch(/\(TargetUnfit\)\n$/);
    for (const name of ['encoding', 'privileges', 'sessions', 'media', 'cache'])
      expect(stderr).toMatch(findings[name] ?? /never/);
    expect(stderr).not.toMatch(findings.migrations ?? /never/);
    expect(code).toBe(2);
  });

  test('is shown by a dry run of a replication before there is a backup', async () => {
    const before = await everything();
    const { code, stdout } = await refusal(
      ['replicate', '--source', source.url, '--store', store, '--target', url, '--dry-run'],
      env,
    );
    expect(stdout).toMatch(/^Dry run: nothing was read out, built or changed\n/);
    for (const name of ['allowed-targets', 'mark', 'encoding', 'sessions', 'migrations'])
      expect(stdout).toMatch(new RegExp(`^  refused +${name} +`, 'm'));
    expect(stdout).toMatch(/^ {2}ok +tables +the role may read all 2/m);
    expect(stdout).toMatch(/\n\d+ checks would refuse it, with exit code 3\n$/);
    expect(code).toBe(3);
    expect(await everything()).toBe(before);
  });
});

describe('a safety rule by itself', () => {
  let url: string;
  beforeAll(async () => {
    await execute('CREATE DATABASE good');
    url = server.url('good');
  });

  test('a target that is not on the list is refused, also by allow-target', async () => {
    for (const args of [restore(url, '--yes'), ['allow-target', url]]) {
      const { code, stderr } = await refusal(args, { REPLICATOR_ALLOWED_TARGETS: 'staging.example/*' });
      expect(stderr).toMatch(/is not on the list of allowed targets .*\(TargetNotListed\)\n$/);
      expect(code).toBe(3);
    }
  });

  test('a store that is not on the list is neither read nor written', async () => {
    for (const args of [restore(url, '--yes'), ['backup', '--source', source.url, '--store', store]]) {
      const { code, stderr } = await refusal(args, { REPLICATOR_ALLOWED_STORES: 's3://somewhere/else' });
      expect(stderr).toMatch(/is not an allowed store .*\(StoreNotAllowed\)\n$/);
      expect(code).toBe(3);
    }
  });

  test('a list that can’t be read is named, with exit code 2', async () => {
    const { code, stderr } = await refusal(restore(url, '--yes'), { REPLICATOR_ALLOWED_TARGETS: 'nautobot' });
    expect(stderr).toContain('REPLICATOR_ALLOWED_TARGETS: "nautobot" is not a target');
    expect(code).toBe(2);
  });

  test('older code is refused until it is asked for, newer code is let through, unknown apps are told', async () => {
    await execute(migrations({ dcim: '0050_old' }), 'good');
    const { code, stderr } = await refusal(restore(url, '--yes'));
    expect(stderr).toMatch(/older than the backup: dcim is at 0050_old.*\(TargetRunsOlderCode\)\n$/);
    expect(code).toBe(3);
    const asked = await refusal(restore(url, '--yes', '--dry-run', '--allow-older-code'));
    expect(asked.stdout).toMatch(/^ {2}warning +migrations +the target's code is older/m);
    expect(asked.stdout).toMatch(
      /^ {2}warning +migrations +apps of the backup that .* have: golden_config;/m,
    );
    expect(asked.code).toBe(0);
    await execute(
      `INSERT INTO django_migrations (app, name) VALUES ('dcim', '0062_newest'), ('dcim', '0063_more')`,
      'good',
    );
    const newer = await refusal(restore(url, '--yes', '--dry-run'));
    expect(newer.stdout).toMatch(
      /^ {2}ok +migrations +the target's code is newer \(dcim\): run nautobot-server migrate/m,
    );
    expect(newer.stdout).toMatch(/\nnothing speaks against it\n$/);
    expect(newer.code).toBe(0);
  });

  test('a source that answers by another name is found by a session, one that is gone stops nothing', async () => {
    const alias = source.url.replace('127.0.0.1', 'localhost');
    const same = await refusal(restore(alias, '--yes', '--source', source.url));
    expect(same.stderr).toMatch(/is the source: .*--allow-source.*\(TargetIsSource\)\n$/);
    expect(same.code).toBe(3);
    const gone = server.url('production').replace(/:\d+\//, `:${await freePort()}/`);
    const { code, stdout } = await refusal(restore(url, '--yes', '--dry-run', '--source', gone));
    expect(stdout).toMatch(/^ {2}unknown +source +no session of the source could be looked for/m);
    expect(code).toBe(0);
  });

  test('the machine ends after PlanRestore when asked for a dry run, without a lock or an object', async () => {
    const before = await everything();
    const states: string[] = [];
    const output = await watchedRun({
      machine: 'restore',
      places: { store, target: url, yes: true },
      input: { dryRun: true },
      watch: (point) => void (/^state /.test(point) && states.push(point)),
    });
    expect(states).toEqual(['state Begin', 'state PlanRestore']);
    expect(output).toMatchObject({ plan: { dryRun: true, possible: true, target: { database: 'good' } } });
    expect(await everything()).toBe(before);
    expect(Object.keys(readDefinition('restore').States)).toContain('ReportDryRun');
  });
});

test('a dry run of a backup says what would be read and that it may be', async () => {
  const { code, stdout } = await refusal([
    ...['backup', '--source', source.url, '--store', store, '--media', media, '--dry-run'],
  ]);
  expect(stdout).toMatch(/^ {2}2 tables, about \S+ \S+ as text/m);
  expect(stdout).toMatch(/^ {2}ok +source-media +/m);
  expect(stdout).toMatch(/\nnothing speaks against it\n$/);
  expect(code).toBe(0);
  const folder = await refusal(['backup', '--source', source.url, '--store', store, '--dry-run', '--json']);
  expect(JSON.parse(folder.stdout).dryRun).toMatchObject({ target: null, media: null, possible: true });
});
