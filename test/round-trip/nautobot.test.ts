import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { compareDatabases, fingerprintDatabase } from '../../local/compare-databases.ts';
import { differingPaths, readFolder } from '../../local/compare-folders.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, freshRole, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';
import { verbs } from './replicator.ts';
import { schemaText } from './schema-text.ts';

const run = promisify(execFile);
const tools = ['zstd', 'psql', 'tar'];
const missing = tools.filter((name) => findProgram(name) === undefined);
const leftOut = missing.length > 0 ? ` (left out: ${missing.join(', ')} not on the PATH)` : '';

/** Names that archives get wrong: long, odd, not UTF-8; and a folder with nothing in it. */
async function addOddMedia(media: string): Promise<void> {
  const deep = join(media, 'd'.repeat(120), 'e'.repeat(120));
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, `${'f'.repeat(200)}.txt`), 'deep');
  await mkdir(join(media, '-rf empty'), { mode: 0o2750 });
  await writeFile(Buffer.concat([Buffer.from(`${media}/latin1-`), Buffer.from([0xe9, 0xff])]), 'not UTF-8');
  await writeFile(join(media, 'quote\'s "and" \\ back\nline'), 'odd', { mode: 0o640 });
}

describe.each([
  ['nautobot-3.1', 'nautobot_31'],
  ['nautobot-1.6', 'nautobot_16'],
] as const)('%s', (fixture, template) => {
  let source: FreshDatabase;
  let media: string;
  let bucket: FreshBucket;
  let backupId: string;
  const drops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    source = await freshDatabase({ template });
    media = await mediaFixture(fixture);
    await addOddMedia(media);
    bucket = await freshBucket();
    const done = await verbs().backup({
      source: source.url,
      store: bucket.uri(),
      media,
      jobs: 2,
      shardSize: '2MiB',
    });
    backupId = done.backupId;
  });
  afterAll(async () => {
    for (const drop of [source.drop, ...drops]) await drop();
  });

  const read = async (file: string, into: string): Promise<string> => {
    const key = `nautobot/backups/${backupId}/${file}`;
    const answer = await bucket.client.send(new GetObjectCommand({ Bucket: bucket.bucket, Key: key }));
    const path = join(into, file);
    await writeFile(path, (await answer.Body?.transformToByteArray()) ?? '');
    return path;
  };

  it('comes back equal, row by row, owned by a role that is not a superuser', async () => {
    const role = await freshRole({ createdb: true });
    const target = await freshDatabase({ owner: role.name });
    drops.push(target.drop);
    const targetMedia = await freshFolder();
    await writeFile(join(targetMedia, 'old.txt'), 'old');
    const url = target.urlAs(role);
    await verbs().restore({ store: bucket.uri(), target: url, media: targetMedia, jobs: 2 });

    const comparison = await compareDatabases(await openDatabase(source.url), await openDatabase(url));
    expect(comparison.tables).toEqual([]);
    expect(comparison.sequences).toEqual([]);
    expect(comparison.sameRows).toBeGreaterThan(1000);
    expect((await fingerprintDatabase(await openDatabase(url))).notValid).toEqual([]);
    expect(await schemaText(url)).toBe(await schemaText(source.url));
    expect(
      differingPaths(await readFolder(media), await readFolder(targetMedia)).filter((path) => path !== '.'),
    ).toEqual([]);

    const session = await superuserSession(target.name);
    const foreign = await session.query(
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) <> $1",
      [role.name],
    );
    await session.end();
    expect(foreign).toEqual([]);
  });

  it.runIf(missing.length === 0)(`loads with zstd and psql into an empty database${leftOut}`, async () => {
    const folder = await freshFolder();
    const target = await freshDatabase();
    drops.push(target.drop);
    const file = await read('database.sql.zst', folder);
    await run('sh', [
      '-c',
      'zstd -dc "$1" > "$1.sql" && psql -qX -v ON_ERROR_STOP=1 -d "$2" -f "$1.sql" > "$1.out"',
      'sh',
      file,
      target.url,
    ]);
    const comparison = await compareDatabases(await openDatabase(source.url), await openDatabase(target.url));
    expect(comparison.tables).toEqual([]);
    expect(comparison.sequences).toEqual([]);
    expect(await schemaText(target.url)).toBe(await schemaText(source.url));
  });

  it.runIf(missing.length === 0)(`unpacks with GNU tar to the same media${leftOut}`, async () => {
    const folder = await freshFolder();
    const unpacked = await freshFolder();
    const file = await read('media.tar.zst', folder);
    await run('tar', ['-C', unpacked, '--zstd', '-xpf', file]);
    expect(differingPaths(await readFolder(media), await readFolder(unpacked))).toEqual([]);
  });
});
