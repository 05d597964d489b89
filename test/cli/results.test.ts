import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';
import { cliInProcess, startCli } from './run-cli.ts';

let source: FreshDatabase;
let target: FreshDatabase;
let bucket: FreshBucket;
let media: string;
let store: string;
let made: Awaited<ReturnType<typeof cliInProcess>>;
let backupId: string;

const run = (...args: string[]) => cliInProcess(args);
const backup = (...args: string[]) => run('backup', '--source', source.url, '--store', store, ...args);

beforeAll(async () => {
  [source, target, bucket, media] = await Promise.all([
    freshDatabase({ name: 'source' }),
    freshDatabase({ name: 'target' }),
    freshBucket(),
    mediaFixture('nautobot-3.1'),
  ]);
  Object.assign(process.env, bucket.env);
  store = bucket.uri('results');
  const session = await superuserSession(source.name);
  await session.execute(`CREATE TABLE device (id int PRIMARY KEY, name text);
    INSERT INTO device SELECT g, 'device ' || g FROM generate_series(1, 1234) g;
    CREATE TABLE log (line text); INSERT INTO log VALUES ('a secret line');
    CREATE TABLE scratch (x int)`);
  await session.end();
  made = await backup('--media', media, '--exclude-table-data', 'log', '--exclude-table', 'scratch');
  backupId = /^Backup (\S+) in /.exec(made.stdout)?.[1] ?? '';
});

async function rowsOf(database: FreshDatabase, table: string): Promise<string | undefined> {
  const session = await superuserSession(database.name);
  try {
    const [row] = await session.query<{ rows: string }>(`SELECT count(*) AS rows FROM ${table}`);
    return row?.rows;
  } finally {
    await session.end();
  }
}

describe('backup', () => {
  test('ends with a summary: where, of what, how much, what was left out, how long each state took', () => {
    const { code, stdout, stderr } = made;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`  ${store}/backups/${backupId}/\n`);
    expect(stdout).toContain(`of ${source.name} on `);
    expect(stdout).toMatch(/ {2}database\.sql\.zst +\S+ k?B {2}2 tables, 1,234 rows, \S+ kB as text\n/);
    expect(stdout).toMatch(/ {2}media\.tar\.zst +\S+ kB {2}\d+ files, \d+ directories, \S+ kB\n/);
    expect(stdout).toContain('  left out: rows of public.log\n');
    expect(stdout).toContain('  left out: public.scratch\n');
    expect(stdout).toMatch(/\n {2}CopyShard +\S+ m?s/);
  });

  test('with --json prints one document, and says why there are no media', async () => {
    const { code, stdout } = await backup('--schema-only', '--json');
    expect(code).toBe(0);
    const { backup: outcome } = JSON.parse(stdout);
    expect(outcome).toMatchObject({
      backupId: expect.stringMatching(/^\d{8}T\d{6}Z-/),
      tables: 3,
      rows: 0,
      media: null,
      leftOut: { allRows: true, rowsOf: [], tables: [], media: expect.any(String) },
      source: { database: source.name },
      warnings: [],
    });
    expect(outcome.uri).toBe(`${store}/backups/${outcome.backupId}/`);
    expect(outcome.files.map(({ name }: { name: string }) => name)).toEqual([
      'database.sql.zst',
      'schema.sql',
    ]);
  });

  test('with --quiet prints the id alone', async () => {
    const { code, stdout, stderr } = await backup('--schema-only', '--quiet');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\d{8}T\d{6}Z-[0-9a-z]{6}\n$/);
  });

  test('hides its arguments, which may hold passwords, from those who list processes', async () => {
    const { child, ended } = startCli(
      ['backup', '--source', 'postgres://u:open-sesame@127.0.0.1:9/d', '--store', store],
      {
        env: bucket.env,
      },
    );
    let seen = '';
    for (let tries = 0; tries < 400 && !/^replicator backup/.test(seen); tries++) {
      seen = spawnSync('ps', ['-o', 'args=', '-p', String(child.pid)], { encoding: 'utf8' }).stdout || seen;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await ended;
    expect(seen).toMatch(/^replicator backup/);
    expect(seen).not.toContain('open-sesame');
  });
});

describe('list', () => {
  test('shows a line a backup, oldest first', async () => {
    const { code, stdout } = await run('list', '--store', store);
    const [titles, first, ...more] = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(titles).toMatch(/^BACKUP +AS OF +SOURCE +SIZE +TABLES +ROWS +MEDIA$/);
    expect(first).toMatch(new RegExp(`^${backupId} .* ${source.name}@\\S+ .* 2 +1,234 +\\d+$`));
    expect(more.every((line) => / none +-$/.test(line))).toBe(true);
  });

  test('with --json gives the same fields as backup', async () => {
    const { backups } = JSON.parse((await run('list', '--store', store, '--json')).stdout);
    expect(backups[0]).toMatchObject({
      backupId,
      tables: 2,
      rows: 1234,
      leftOut: { tables: ['public.scratch'] },
    });
  });
});

describe('show', () => {
  test('shows every table with its rows', async () => {
    const { code, stdout } = await run('show', backupId, '--store', store);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\npublic\.device +1,234 +\S+ kB +\S+ k?B\n/);
    expect(stdout).toMatch(/\npublic\.log +left out\n/);
    expect(stdout).toMatch(/\n {2}snapshot +\d+:\d+:/);
  });

  test('with --json gives the manifest', async () => {
    const { backup: shown } = JSON.parse(
      (await run('show', '--backup', backupId, '--store', store, '--json')).stdout,
    );
    expect(shown.manifest).toMatchObject({ format: 'nautobot-replicator-backup', version: 1, backupId });
  });
});

describe('verify', () => {
  test('says of every file that it is whole', async () => {
    const { code, stdout } = await run('verify', backupId, '--store', store);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Backup ${backupId} is whole\n`));
    expect(stdout.match(/ {2}ok$/gm)).toHaveLength(3);
  });

  test('lists what is damaged, also with --quiet, and ends with 4', async () => {
    const damagedStore = bucket.uri('damaged');
    const id = (
      await run('backup', '--source', source.url, '--store', damagedStore, '--quiet')
    ).stdout.trim();
    const Key = `damaged/backups/${id}/schema.sql`;
    await bucket.client.send(
      new PutObjectCommand({ Bucket: bucket.bucket, Key, Body: 'not what was written' }),
    );
    const { code, stdout } = await run('verify', '--store', damagedStore, '--quiet');
    expect(code).toBe(4);
    expect(stdout).toMatch(/is damaged: \d+ problems?; use another backup\n/);
    expect(stdout).toMatch(/ {2}schema\.sql +20 B {2}DAMAGED\n/);
    const asJson = await run('verify', '--store', damagedStore, '--json');
    expect(asJson.code).toBe(4);
    expect(JSON.parse(asJson.stdout).verify).toMatchObject({ backupId: id, ok: false });
  });
});

describe('export', () => {
  test('writes the files of the manual procedure into a directory that it makes, and replaces none unasked', async () => {
    const to = join(await freshFolder(), 'made', 'here');
    const args = ['export', backupId, '--store', store, '--to', to];
    const { code, stdout } = await run(...args);
    expect(code).toBe(0);
    for (const name of ['nautobot.sql', 'nautobot_schema.sql', 'nautobot_media.tar.gz'])
      expect(stdout).toContain(join(to, name));
    expect(await readFile(join(to, 'nautobot.sql'), 'utf8')).toMatch(
      /COPY "public"\."device" .* FROM stdin;\n1\tdevice 1\n/,
    );
    expect(gunzipSync(await readFile(join(to, 'nautobot_media.tar.gz'))).length % 512).toBe(0);
    const again = await run(...args);
    expect(again.stderr).toMatch(/nautobot\.sql exists already.*--force.*\(FileExists\)/);
    expect(again.code).toBe(2);
    expect(await run(...args, '--force', '--json')).toMatchObject({ code: 0 });
  });
});

describe('restore', () => {
  const restore = (...args: string[]) =>
    run('restore', '--store', store, '--target', target.url, '--yes', ...args);

  test('tells what came into use and what happened to what was there before', async () => {
    const folder = await freshFolder('target-media');
    const { code, stdout, stderr } = await restore(
      '--backup',
      backupId,
      '--media',
      folder,
      '--keep-previous',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Backup ${backupId} restored into \\S+/${target.name} in `));
    expect(stdout).toContain('1,234 rows in 1 table, counted');
    expect(stdout).toMatch(/ {2}\d+ media files, /);
    expect(stdout).toMatch(/switched over within \S+ m?s; \d+ sessions? of the old database ended/);
    expect(stdout).toContain(`is kept as database ${target.name}_p_`);
    expect(await rowsOf(target, 'device')).toBe('1234');
    expect(await rowsOf(target, 'log')).toBe('0');
  });

  test('of one table with --json says that the rest stayed', async () => {
    const session = await superuserSession(target.name);
    await session.execute("DELETE FROM device; INSERT INTO log VALUES ('kept')");
    await session.end();
    const { code, stdout } = await restore('--backup', backupId, '--table', 'device', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).restore).toMatchObject({
      scope: 'tables',
      tables: 1,
      rows: 1234,
      media: null,
      switchOver: null,
    });
    expect(await rowsOf(target, 'device')).toBe('1234');
    expect(await rowsOf(target, 'log')).toBe('1');
  });

  test('runs sanitising statements before anybody can see the rows, and a command afterwards', async () => {
    const folder = await freshFolder();
    const file = join(folder, 'sanitize.sql');
    await writeFile(file, "-- hush\nUPDATE device SET name = 'x;y';\nDELETE FROM device WHERE id > 1000;\n");
    const { code, stdout } = await restore(
      '--backup',
      backupId,
      '--sanitize-sql',
      file,
      '--after-restore',
      `echo done > '${join(folder, 'after')}'`,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/--after-restore took /);
    expect(await rowsOf(target, "device WHERE name = 'x;y'")).toBe('1000');
    expect(await readFile(join(folder, 'after'), 'utf8')).toBe('done\n');
  });

  test('does not take --media or --keep-previous along with --table', async () => {
    const { code, stderr } = await restore('--table', 'device', '--keep-previous');
    expect(stderr).toContain('leave out --media and --keep-previous');
    expect(code).toBe(2);
  });
});

describe('replicate', () => {
  const replicate = (...args: string[]) =>
    run('replicate', '--source', source.url, '--target', target.url, '--store', store, '--yes', ...args);

  test('tells of both halves', async () => {
    const { code, stdout } = await replicate('--exclude-table-data', 'log', '--json');
    expect(code).toBe(0);
    const { backup: first, restore: second } = JSON.parse(stdout);
    expect(first).toMatchObject({ tables: 3, leftOut: { rowsOf: ['public.log'] } });
    expect(second).toMatchObject({ backupId: first.backupId, scope: 'database', rows: 1234 });
    expect(first.states.map(({ state }: { state: string }) => state)).toContain('SealBackup');
    expect(second.states.map(({ state }: { state: string }) => state)).toContain('SwitchOver');
  });

  test("refuses the source's own media directory as the target's before anything is made", async () => {
    const { code, stderr } = await replicate('--media', media, '--target-media', media);
    expect(stderr).toMatch(/same directory.*\(TargetIsSource\)/);
    expect(code).toBe(3);
  });
});

describe('help', () => {
  test.each(['backup', 'restore', 'replicate', 'list', 'show', 'verify', 'export', 'allow-target'])(
    'of %s names its options and the exit codes',
    async (verb) => {
      const { code, stdout, stderr } = await run(verb, '--help');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: replicator ${verb} `));
      expect(stdout).toContain('3 refused by a safety rule');
      expect(await run('help', verb)).toEqual({ code, stdout, stderr });
      expect((await run('help')).stdout).toMatch(new RegExp(`^  ${verb} +\\S`, 'm'));
      for (const line of stdout.split('\n').slice(1)) expect(line.length).toBeLessThanOrEqual(100);
    },
  );

  test('is shown on standard error where a verb is missing, with exit code 2', async () => {
    const { code, stdout, stderr } = await run();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: replicator <verb>');
  });

  test.each([
    ['bakcup', 'did you mean backup?'],
    ['prune', 'this version does not have `prune` yet'],
    ['--store', 'the verb comes first'],
  ])('is hinted at for %s', async (word, hint) => {
    const { code, stderr } = await run(word);
    expect(stderr).toContain(hint);
    expect(code).toBe(2);
  });

  test('the version is the one in package.json', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});
