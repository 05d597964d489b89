import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type S3Server, startS3 } from '../../../local/servers/s3.ts';

let server: S3Server;
let client: S3Client;

beforeAll(async () => {
  server = await startS3({ buckets: ['embedded'] });
  client = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: server,
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  await server.stop();
});

const bodyOf = async (key: string, range?: string) => {
  const { Body } = await client.send(
    new GetObjectCommand({ Bucket: 'embedded', Key: key, ...(range && { Range: range }) }),
  );
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
};

test('what was written is there, whole and by the same ETag, while others list and write', async () => {
  const body = Buffer.alloc(700_000, 'rows of a table ');
  const list = async () => {
    const { Contents } = await client.send(
      new ListObjectsV2Command({ Bucket: 'embedded', Prefix: 'whole/' }),
    );
    return new Map(Contents?.map(({ Key, ETag }) => [Key, ETag]));
  };
  let writing = true;
  const seen: string[] = [];
  const lookers = [1, 2, 3].map(async () => {
    while (writing) for (const [key, etag] of await list()) seen.push(`${key} ${etag}`);
  });
  const written = new Map<string, string | undefined>();
  const writers = [1, 2, 3, 4, 5, 6].map(async (writer) => {
    const own = body.subarray(writer);
    for (let n = 0; n < 20; n++) {
      const key = `whole/${writer}-${n}`;
      const put = await client.send(new PutObjectCommand({ Bucket: 'embedded', Key: key, Body: own }));
      expect((await bodyOf(key)).equals(own)).toBe(true);
      written.set(key, put.ETag);
    }
  });
  await Promise.all(writers).finally(() => (writing = false));
  await Promise.all(lookers);
  expect(await list()).toEqual(written);
  for (const line of new Set(seen)) expect(line.split(' ')[1]).toBe(written.get(line.split(' ')[0] ?? ''));
});

test('an object can be written into a folder while the last one there is removed', async () => {
  await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async (writer) => {
      const object = { Bucket: 'embedded', Key: `folder/${writer}` };
      for (let n = 0; n < 60; n++) {
        await client.send(new PutObjectCommand({ ...object, Body: 'x' }));
        await client.send(new DeleteObjectCommand(object));
      }
    }),
  );
});

test('a write that breaks off leaves the object as it was', async () => {
  await client.send(new PutObjectCommand({ Bucket: 'embedded', Key: 'kept/a', Body: 'before' }));
  const { hostname, port } = new URL(server.endpoint);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve) => {
    socket.write(
      'PUT /embedded/kept/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nhalf of it',
      () => resolve(),
    );
  });
  const folder = `${server.objects}/embedded/kept`;
  await expect.poll(() => readdir(folder), { timeout: 20_000 }).toHaveLength(4);
  socket.destroy();
  await expect.poll(() => readdir(folder), { timeout: 20_000 }).toHaveLength(3);
  expect(String(await bodyOf('kept/a'))).toBe('before');
});

test('one byte is read where one is asked for', async () => {
  await client.send(new PutObjectCommand({ Bucket: 'embedded', Key: 'range', Body: 'abcdef' }));
  expect(String(await bodyOf('range', 'bytes=0-0'))).toBe('a');
  expect(String(await bodyOf('range', 'bytes=4-100'))).toBe('ef');
});
