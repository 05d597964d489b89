import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../functions/postgres/database.ts';
import { findProgram } from '../../../local/servers/find-program.ts';
import { startPostgres } from '../../../local/servers/postgres.ts';
import { startRedis } from '../../../local/servers/redis.ts';
import { startStrictS3 } from '../../../local/servers/strict-s3.ts';
import { freshBucket } from '../../servers/fresh-bucket.ts';
import { freshRole, serverUrl } from '../../servers/fresh-database.ts';
import { mediaFixture } from '../../servers/fresh-folder.ts';

test('PostgreSQL checks passwords', async () => {
  const role = await freshRole();
  const right = await openDatabase(serverUrl('postgres', role));
  const session = await right.connect({ applicationName: 'test' });
  expect(await session.query('SELECT current_user AS name')).toEqual([{ name: role.name }]);
  await session.end();
  const wrong = await openDatabase(serverUrl('postgres', { ...role, password: 'wrong' }));
  await expect(wrong.connect({ applicationName: 'test' })).rejects.toThrow();
});

test('PostgreSQL starts with other settings and another superuser', async () => {
  const server = await startPostgres({
    superuser: 'Boss of it',
    password: "p@ss:/ '%",
    settings: { max_prepared_transactions: '3' },
  });
  const session = await (await openDatabase(server.url('postgres'))).connect({ applicationName: 'test' });
  expect(await session.query('SHOW max_prepared_transactions')).toEqual([{ max_prepared_transactions: '3' }]);
  await session.end();
  await server.stop();
});

test('a bad setting is told with the words of the server', async () => {
  await expect(startPostgres({ settings: { shared_buffers: 'much' } })).rejects.toThrow(/shared_buffers/);
});

test('S3 gives back what was put', async () => {
  const { bucket, client } = await freshBucket();
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: 'a/b', Body: 'hello' }));
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/b' }));
  expect(await answer.Body?.transformToString()).toBe('hello');
});

test('Redis starts exactly where a server is on the PATH', async () => {
  const program = await findProgram('redis-server', 'valkey-server');
  const server = await startRedis();
  expect(server !== undefined).toBe(program !== undefined);
  await server?.stop();
});

test('media come with modes, empty folders and odd names', async () => {
  const media = await mediaFixture('nautobot-3.1');
  const names = await readdir(media, { recursive: true, withFileTypes: true });
  expect(names.filter((entry) => entry.isFile())).toHaveLength(52);
  // The archive's 16 folders are media and 15 in it.
  expect(names.filter((entry) => entry.isDirectory())).toHaveLength(15);
  expect(await readdir(join(media, 'empty-dir'))).toEqual([]);
  expect(await readFile(join(media, 'floor plans/東京/3F 北棟/配置図 🏯.svg'), 'utf8')).toHaveLength(7);
  const modes = new Set<number>();
  for (const entry of names) modes.add((await stat(join(entry.parentPath, entry.name))).mode & 0o7777);
  expect(modes.size).toBeGreaterThan(2);
});

test.each(['versitygw', 'moto_server'] as const)(
  '%s starts exactly where it is on the PATH, and holds a condition that s3rver does not know',
  async (name) => {
    const server = await startStrictS3(name);
    expect(server !== undefined).toBe((await findProgram(name)) !== undefined);
    if (server === undefined) return;
    const client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: server,
    });
    await client.send(new CreateBucketCommand({ Bucket: 'strict' }));
    const write = () =>
      client.send(new PutObjectCommand({ Bucket: 'strict', Key: 'a', Body: '1', IfNoneMatch: '*' }));
    await write();
    await expect(write()).rejects.toMatchObject({ name: 'PreconditionFailed' });
    client.destroy();
    await server.stop();
  },
);
