import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../local/servers/supervised.ts';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { readOnlyS3 } from './read-only-s3.ts';
import { cli, cliInProcess } from './run-cli.ts';
import { unreadableMedia } from './unreadable-media.ts';

let source: FreshDatabase;
let target: FreshDatabase;
let bucket: FreshBucket;
let filled: string;
let backupId: string;

beforeAll(async () => {
  [source, target, bucket] = await Promise.all([
    freshDatabase({ name: 'source' }),
    freshDatabase({ name: 'target' }),
    freshBucket(),
  ]);
  Object.assign(process.env, bucket.env);
  const session = await superuserSession(source.name);
  await session.execute(
    'CREATE TABLE device (id int PRIMARY KEY, name text); INSERT INTO device VALUES (1, $$a$$)',
  );
  await session.end();
  filled = bucket.uri('filled');
  const made = await run('backup', '--source', source.url, '--store', filled, '--json');
  expect(made).toMatchObject({ code: 0 });
  backupId = JSON.parse(made.stdout).backup.backupId;
});

const run = (...args: string[]) => cliInProcess(args);
const backup = (...args: string[]) =>
  run('backup', '--source', source.url, '--store', bucket.uri('empty'), ...args);
const restore = (...args: string[]) =>
  run('restore', '--store', filled, '--target', target.url, '--yes', ...args);

/** With one part of a URL replaced. */
function changed(url: string, change: Partial<Pick<URL, 'password' | 'port' | 'pathname'>>): string {
  return Object.assign(new URL(url), change).href;
}

test('--drain-broker without a broker says what to give', async () => {
  const { code, stderr } = await restore('--drain-broker');
  expect(stderr).toMatch(/--drain-broker needs to know the broker: give --broker REDIS-URL .*\(UsageError\)/);
  expect(code).toBe(2);
  const wrong = await restore('--drain-broker', '--broker', 'amqp://:hush@host');
  expect(wrong.stderr).toMatch(/--broker: is not a Redis URL/);
  expect(wrong.stderr).not.toContain('hush');
});

describe('a database', () => {
  test('on a server that does not answer is named, with exit code 2', async () => {
    const port = String(await freePort());
    const url = changed(source.url, { port });
    const { code, stderr } = await run('backup', '--source', url, '--store', filled);
    expect(stderr).toMatch(
      /^replicator: \S+:\d+\/source_\S+: no PostgreSQL server answers there .*\(ServerUnreachable\)\n$/,
    );
    expect(code).toBe(2);
  });

  test('that refuses the password says so without repeating it, with exit code 2', async () => {
    const url = changed(source.url, { password: 'open-sesame' });
    const { code, stderr } = await run('backup', '--source', url, '--store', filled);
    expect(stderr).toMatch(/the login was refused .*\(LoginRefused\)/);
    expect(stderr).not.toContain('open-sesame');
    expect(code).toBe(2);
  });

  test('that does not exist is named, with exit code 2', async () => {
    const url = changed(source.url, { pathname: '/no_such_database' });
    const { code, stderr } = await run('backup', '--source', url, '--store', filled);
    expect(stderr).toMatch(/the server has no database "no_such_database".*\(DatabaseMissing\)/);
    expect(code).toBe(2);
  });

  test('that is to be restored into and does not exist is named before a backup is made', async () => {
    const url = changed(target.url, { pathname: '/no_such_database' });
    const store = bucket.uri('replicate');
    const { code, stderr } = await run(
      'replicate',
      '--source',
      source.url,
      '--target',
      url,
      '--store',
      store,
      '--yes',
    );
    expect(stderr).toMatch(/no database "no_such_database".*\(DatabaseMissing\)/);
    expect(code).toBe(2);
    expect((await run('list', '--store', store)).stdout).toContain('no backups in');
  });

  test.each([
    ['mysql://u@h/d', 'does not begin with postgres://'],
    ['postgres://u:hush@h:port/d', "can't be read as a URL"],
    ['postgres://u:hush%zz@h/d', 'a % that is not followed by two hexadecimal digits'],
    ['postgres://h/a/b', 'is not a database name'],
  ])('written as %s is refused, with exit code 2', async (url, message) => {
    const { code, stderr } = await run('backup', '--source', url, '--store', filled);
    expect(stderr).toContain('--source');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('hush');
    expect(code).toBe(2);
  });
});

describe('a store', () => {
  test('whose bucket is missing is named, with exit code 2, by every verb', async () => {
    const store = 's3://no-such-bucket-here/nautobot';
    const verbs = [
      ['backup', '--source', source.url],
      ['restore', '--target', target.url, '--yes'],
      ['list'],
      ['verify'],
    ];
    for (const verb of verbs) {
      const { code, stderr } = await run(...verb, '--store', store);
      expect(stderr).toMatch(/no-such-bucket-here.*\(BucketMissing\)/);
      expect(code).toBe(2);
    }
  });

  test('that may not be written to is named, with exit code 2', async () => {
    const { endpoint, close } = await readOnlyS3();
    onTestFinished(close);
    const env = { ...bucket.env, AWS_ENDPOINT_URL_S3: endpoint };
    const args = ['backup', '--source', source.url, '--store', bucket.uri('denied')];
    const { code, stderr } = await cli(args, { env });
    expect(stderr).toMatch(/denied\/.*\(StoreAccessDenied\)/);
    expect(code).toBe(2);
  });

  test('that does not answer is named, with exit code 2', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await cli(['list', '--store', filled], {
      env: { ...bucket.env, AWS_ENDPOINT_URL_S3: endpoint },
    });
    expect(stderr).toContain(endpoint);
    expect(stderr).toContain('(StoreUnreachable)');
    expect(code).toBe(2);
  });

  test.each(['https://bucket/x', 's3://', 's3://b', 's3://bucket/a//b'])(
    'written as %s is refused',
    async (store) => {
      const { code, stderr } = await run('list', '--store', store);
      expect(stderr).toContain(`--store ${JSON.stringify(store)}`);
      expect(code).toBe(2);
    },
  );
});

describe('a backup', () => {
  const readers = [['restore'], ['show'], ['verify'], ['export', '--to', '/nonexistent']];

  test('that is unknown is refused with the ones that exist, with exit code 2', async () => {
    const unknown = '20200101T000000Z-abcdef';
    const { code, stderr } = await restore('--backup', unknown);
    expect(stderr).toMatch(new RegExp(`no backup "${unknown}".*${backupId}.*\\(BackupUnknown\\)`));
    expect(code).toBe(2);
    expect(await run('show', unknown, '--store', filled)).toMatchObject({ code: 2 });
    expect(await run('verify', 'my-backup', '--store', filled)).toMatchObject({ code: 2 });
  });

  test('is asked for where there is none yet: exit code 2 and what to do', async () => {
    for (const [verb = '', ...rest] of readers) {
      const target_ = verb === 'restore' ? ['--target', target.url, '--yes'] : [];
      const { code, stderr } = await run(verb, ...rest, ...target_, '--store', bucket.uri('nothing'));
      expect(stderr).toMatch(/there is no backup at s3:\S+ yet.*\(NoBackupYet\)/);
      expect(code).toBe(2);
    }
    expect(await run('list', '--store', bucket.uri('nothing'), '--json')).toMatchObject({
      code: 0,
      stdout: '{\n  "backups": []\n}\n',
    });
  });

  test('of a newer format is refused with what to do, with exit code 2, and listed with the reason', async () => {
    const id = '20290101T000000Z-future';
    const manifest = { format: 'nautobot-replicator-backup', version: 99, checksum: '0'.repeat(64) };
    await bucket.client.send(
      new PutObjectCommand({
        Bucket: bucket.bucket,
        Key: `newer/backups/${id}/manifest.json`,
        Body: JSON.stringify(manifest),
      }),
    );
    const store = bucket.uri('newer');
    for (const [verb = '', ...rest] of readers) {
      const target_ = verb === 'restore' ? ['--target', target.url, '--yes'] : [];
      const { code, stderr } = await run(verb, ...rest, ...target_, '--store', store);
      expect(stderr).toMatch(/format version 99.*update nautobot-replicator.*\(ManifestTooNew\)/);
      expect(code).toBe(2);
    }
    expect((await run('list', '--store', store)).stdout).toMatch(/20290101T000000Z-future +ManifestTooNew/);
  });

  test('without a manifest is no backup', async () => {
    const store = bucket.uri('unsealed');
    const key = 'unsealed/backups/20200101T000000Z-abcdef/database.sql.zst';
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: key, Body: 'half of it' }));
    expect((await run('list', '--store', store)).stdout).toBe(`no backups in ${store} yet\n`);
    expect(await run('verify', '--store', store)).toMatchObject({ code: 2 });
  });
});

describe('a media directory', () => {
  test('that is missing is named, with exit code 2', async () => {
    const { code, stderr } = await backup('--media', '/no/such/media');
    expect(stderr).toMatch(/\/no\/such\/media does not exist.*\(MediaDirectoryMissing\)/);
    expect(code).toBe(2);
  });

  test('that is a file is named, with exit code 2', async () => {
    const file = join(await freshFolder(), 'file');
    await writeFile(file, 'x');
    const { code, stderr } = await backup('--media', file);
    expect(stderr).toMatch(/file is not a directory.*\(MediaDirectoryMissing\)/);
    expect(code).toBe(2);
  });

  test('with something in it that cannot be read: the backup fails with its name and exit code 2', async () => {
    const media = await unreadableMedia();
    onTestFinished(media.remove);
    const { code, stderr } = await backup('--media', media.path);
    expect(stderr).toMatch(/unreadable-.* cannot be read \(E\w+\).*\(MediaUnreadable\)/s);
    expect(code).toBe(2);
    expect((await run('list', '--store', bucket.uri('empty'))).stdout).toContain('no backups in');
  });
});

describe('a pattern', () => {
  test.each(['--exclude-table-data', '--exclude-table'])(
    'of %s that matches nothing is named, with exit code 2',
    async (flag) => {
      const { code, stderr } = await backup(flag, 'extras_objectchnge');
      expect(stderr).toMatch(/extras_objectchnge.*\(PatternMatchesNothing\)/);
      expect(code).toBe(2);
    },
  );

  test('of --table that matches nothing in the backup is named, with exit code 2', async () => {
    const { code, stderr } = await restore('--table', 'no_such_table');
    expect(stderr).toMatch(/no_such_table.*\(PatternMatchesNothing\)/);
    expect(code).toBe(2);
  });

  test('that cannot be read is named, with exit code 2', async () => {
    const { code, stderr } = await backup('--exclude-table', '"half quoted');
    expect(stderr).toMatch(/half quoted.*\(BadPattern\)/);
    expect(code).toBe(2);
  });
});

describe('a size', () => {
  test.each(['lots', '-5', '1kB'])('of %s is refused, with exit code 2', async (size) => {
    const { code, stderr } = await backup(`--shard-size=${size}`);
    expect(stderr).toMatch(new RegExp(`^replicator: --shard-size: "${size}".*\\(UsageError\\)\n$`));
    expect(code).toBe(2);
  });
});

describe('a target', () => {
  test('that is the source is refused, with exit code 3, although --yes was said', async () => {
    for (const verb of [
      ['restore', '--store', filled],
      ['replicate', '--store', filled, '--source', source.url],
    ]) {
      const { code, stderr } = await run(...verb, '--target', source.url, '--yes');
      expect(stderr).toMatch(/is the source.*--allow-source.*\(TargetIsSource\)/);
      expect(code).toBe(3);
    }
  });

  test('that nobody allowed is refused, with exit code 3, where nobody can be asked', async () => {
    const other = await freshDatabase({ name: 'unmarked' });
    const { code, stderr } = await run('restore', '--store', filled, '--target', other.url);
    expect(stderr).toMatch(/not marked as a restore target.*replicator allow-target.*\(TargetNotAllowed\)/);
    expect(code).toBe(3);
  });

  test('that was allowed once is restored into without a question', async () => {
    const other = await freshDatabase({ name: 'allowed' });
    expect(await run('allow-target', other.url)).toMatchObject({ code: 0 });
    expect(await run('restore', '--store', filled, '--target', other.url)).toMatchObject({ code: 0 });
  });
});

describe('a file of sanitising statements', () => {
  test.each([
    ['UPDATE device SET nme = ;', 'is not SQL'],
    ['-- nothing', 'holds no statement'],
    ['BEGIN; DELETE FROM device; COMMIT;', 'leave BEGIN and COMMIT out'],
  ])('that holds %j is refused before anything begins', async (sql, message) => {
    const file = join(await freshFolder(), 'sanitize.sql');
    await writeFile(file, sql);
    const { code, stderr } = await restore('--sanitize-sql', file);
    expect(stderr).toContain('--sanitize-sql');
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('that is missing is named', async () => {
    const { code, stderr } = await restore('--sanitize-sql', '/no/such.sql');
    expect(stderr).toContain("--sanitize-sql: /no/such.sql can't be read (ENOENT)");
    expect(code).toBe(2);
  });
});

test('the process itself ends with the exit code and the message', async () => {
  const { code, stdout, stderr } = await cli(['show', '20200101T000000Z-abcdef', '--store', filled], {
    env: bucket.env,
  });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^replicator: there is no backup .*\(BackupUnknown\)\n$/);
});

test('with --json an error is one document on standard output', async () => {
  const { code, stdout, stderr } = await run('show', '--store', bucket.uri('nothing'), '--json');
  const { error } = JSON.parse(stdout);
  expect(error).toEqual({ code: 'NoBackupYet', message: expect.any(String), exitCode: 2 });
  expect(stderr).toBe(`replicator: ${error.message} (NoBackupYet)\n`);
  expect(code).toBe(2);
});
