import {
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyMedia } from '../../functions/media/buckets/copy-media.ts';
import type { ObjectFacts } from '../../functions/store/object-store.ts';
import { openMediaBucket } from '../../functions/store/open-store.ts';
import { connect } from '../../functions/store/s3-connection.ts';
import { S3Context } from '../../functions/store/s3-context.ts';
import { copyFrom } from '../../functions/store/s3-copy.ts';
import { parseStoreUri } from '../../functions/store/store-uri.ts';
import { options } from '../media/copy-options.ts';
import { newBucket, plainClient, presentServers, startServer, useServer } from './s3-servers.ts';

const { present, absent } = await presentServers();
const missing = absent.length > 0 ? ` (left out, not on the PATH: ${absent.join(', ')})` : '';
describe.each(present)(`on %s${missing}`, (name) => {
  let stop: () => Promise<void>;
  let leave: () => void;
  let source: string;
  let target: string;
  const client = plainClientLater();

  beforeAll(async () => {
    const server = await startServer(name);
    leave = useServer(server.env);
    stop = server.stop;
  });
  afterAll(async () => {
    leave();
    await stop();
  });
  beforeEach(async () => {
    [source, target] = [await newBucket(), await newBucket()];
  });

  const put = (Bucket: string, Key: string, Body: string, more = {}) =>
    client().send(new PutObjectCommand({ Bucket, Key, Body: Buffer.from(Body), ...more }));
  const bodyOf = async (Bucket: string, Key: string) => {
    const { Body } = await client().send(new GetObjectCommand({ Bucket, Key }));
    return Body?.transformToString();
  };
  const between = (more = '') => ({
    from: openMediaBucket(`s3://${source}/production`, '--media'),
    to: openMediaBucket(`s3://${target}${more}`, '--target-media'),
    removesOthers: true,
  });

  test('names of any kind, types and metadata come over, and nothing else is touched', async () => {
    // s3rver does not take every name of a copy's source apart as S3 does
    const odd = name === 's3rver' ? 'with space 100%.png' : 'with space & + 100%.png';
    const names = ['plain.png', odd, '東京/配置図 🏯.svg', "it's (1).txt", 'empty'];
    for (const key of names)
      await put(source, `production/${key}`, key === 'empty' ? '' : `of ${key}`, {
        ContentType: 'image/png',
        Metadata: { origin: 'site-7' },
      });
    await put(source, 'beside/it', 'stays out');
    await put(target, 'media/old.png', 'staging only');
    await put(target, 'elsewhere', 'not media');
    const buckets = between('/media');
    await copyMedia(buckets, options('add'));
    expect(await bodyOf(target, 'media/old.png')).toBe('staging only');
    expect(await copyMedia(buckets, options('settle'))).toEqual({
      ...{
        files: 5,
        bytes: name === 's3rver' ? 77 : 81,
        added: 0,
        replaced: 0,
        removed: 1,
        leftOut: 0,
        others: 0,
      },
    });
    for (const key of names)
      expect(await bodyOf(target, `media/${key}`)).toBe(key === 'empty' ? '' : `of ${key}`);
    const head = new HeadObjectCommand({ Bucket: target, Key: `media/${names[2]}` });
    expect(await client().send(head)).toMatchObject({
      ContentType: 'image/png',
      Metadata: { origin: 'site-7' },
    });
    const left: string[] = [];
    for await (const { key } of openMediaBucket(`s3://${target}`, '--media').list('')) left.push(key);
    expect(left.sort()).toEqual([...names.map((key) => `media/${key}`), 'elsewhere'].sort());
  });

  test('what staging has changed is what the source has again', async () => {
    await put(source, 'production/a.png', 'of production');
    await put(target, 'a.png', 'of staging, longer');
    const buckets = between();
    expect(await copyMedia(buckets, options('add'))).toMatchObject({ added: 0, replaced: 0 });
    expect(await bodyOf(target, 'a.png')).toBe('of staging, longer');
    expect(await copyMedia(buckets, options('settle'))).toMatchObject({ added: 0, replaced: 1 });
    expect(await bodyOf(target, 'a.png')).toBe('of production');
  });

  test('an object that has gone is not copied, and a bucket that is not there is named', async () => {
    const { from, to } = between();
    const gone = { key: 'gone', size: 3, etag: '"x"' };
    expect(await to.copyFrom(from, gone)).toBe(false);
    const nowhere = openMediaBucket('s3://nowhere-at-all', '--target-media');
    await put(source, 'production/a', 'abc');
    await expect(nowhere.copyFrom(from, { ...gone, key: 'a' })).rejects.toMatchObject({
      code: 'BucketMissing',
    });
  });

  if (name === 's3rver')
    test('a copy that the server can not make of what is there is no copy', async () => {
      await put(source, 'production/a+b', 'x');
      await expect(copyMedia(between(), options('add'))).rejects.toMatchObject({ code: 'StoreFailed' });
    });
  // It knows no UploadPartCopy
  else
    test('what is too large for one copy goes in parts, with its type; what is replaced meanwhile is refused', async () => {
      const body = Buffer.alloc(13 * 1024 * 1024, 'a large file of media ').toString();
      await put(source, 'production/disk.iso', body, {
        ContentType: 'application/x-iso9660-image',
        Metadata: { origin: 'site-7' },
      });
      const { from } = between();
      const s3 = new S3Context(parseStoreUri(`s3://${target}/media`), undefined, () => connect(undefined));
      const facts = (await from.head('disk.iso')) as ObjectFacts;
      const limits = { atOnce: 6 * 1024 * 1024, part: 5 * 1024 * 1024 };
      expect(await copyFrom(s3, from, facts, undefined, limits)).toBe(true);
      expect((await bodyOf(target, 'media/disk.iso')) === body).toBe(true);
      const head = new HeadObjectCommand({ Bucket: target, Key: 'media/disk.iso' });
      expect(await client().send(head)).toMatchObject({
        ContentType: 'application/x-iso9660-image',
        Metadata: { origin: 'site-7' },
      });
      expect(await copyFrom(s3, from, { ...facts, key: 'gone.iso' }, undefined, limits)).toBe(false);
      const other = { ...facts, etag: '"00000000000000000000000000000000"' };
      const copying = copyFrom(s3, from, other, undefined, limits);
      if (name !== 'moto_server') await expect(copying).rejects.toMatchObject({ code: 'ObjectChanged' });
      else await copying;
      const pending = await client().send(new ListMultipartUploadsCommand({ Bucket: target }));
      expect(pending.Uploads ?? []).toEqual([]);
    });
});

/** Made at its first use, when the process' settings lead to the server. */
function plainClientLater() {
  let client: ReturnType<typeof plainClient> | undefined;
  return () => (client ??= plainClient());
}
