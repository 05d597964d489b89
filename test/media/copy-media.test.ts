import {
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkMediaBuckets } from '../../functions/media/buckets/check-buckets.ts';
import { type CopyOptions, copyMedia } from '../../functions/media/buckets/copy-media.ts';
import { MediaBucketEmpty, MediaBucketsOverlap, MediaObjectsDiffer } from '../../functions/media/errors.ts';
import { silence } from '../../functions/run/progress.ts';
import type { MediaBucket } from '../../functions/store/media-bucket.ts';
import type { ObjectFacts } from '../../functions/store/object-store.ts';
import { openMediaBucket } from '../../functions/store/open-store.ts';
import { connect } from '../../functions/store/s3-connection.ts';
import { S3Context } from '../../functions/store/s3-context.ts';
import { copyFrom } from '../../functions/store/s3-copy.ts';
import { parseStoreUri } from '../../functions/store/store-uri.ts';
import { newBucket, plainClient, presentServers, startServer, useServer } from '../store/s3-servers.ts';

const { present, absent } = await presentServers();
const options = (phase: CopyOptions['phase'], more: Partial<CopyOptions> = {}): CopyOptions => ({
  phase,
  exclude: [],
  isNearlyOver: () => false,
  progress: silence,
  signal: new AbortController().signal,
  ...more,
});

/** A bucket in memory, whose clock goes on by a second with each write. */
class Remembered implements MediaBucket {
  static now = 0;
  readonly bucket: string;
  readonly prefix = 'media/';
  readonly objects = new Map<string, { body: string; changed: number }>();

  constructor(bucket: string, objects: Readonly<Record<string, string>> = {}) {
    this.bucket = bucket;
    for (const [key, body] of Object.entries(objects)) this.write(key, body);
  }

  write(key: string, body: string): void {
    this.objects.set(key, { body, changed: ++Remembered.now });
  }

  get content(): Record<string, string> {
    return Object.fromEntries([...this.objects].map(([key, { body }]) => [key, body]));
  }

  uri(key: string): string {
    return `s3://${this.bucket}/${this.prefix}${key}`;
  }

  async head(key: string): Promise<ObjectFacts | undefined> {
    const found = this.objects.get(key);
    if (!found) return undefined;
    const lastModified = new Date(found.changed * 1000);
    // As with KMS: no two writes have the same ETag
    return { key, size: found.body.length, etag: `"${this.bucket}-${found.changed}"`, lastModified };
  }

  async *list(): AsyncGenerator<ObjectFacts> {
    for (const key of [...this.objects.keys()]) {
      const facts = await this.head(key);
      if (facts) yield facts;
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }

  async copyFrom(source: MediaBucket, { key }: ObjectFacts): Promise<boolean> {
    const body = (source as Remembered).objects.get(key)?.body;
    if (body !== undefined) this.write(key, body);
    return body !== undefined;
  }
}

describe('whatever is in the two buckets', () => {
  const keys = fc.constantFrom('a', 'b', 'c/d', 'c/e.png', 'f.png', 'g/');
  const content = fc.dictionary(keys, fc.constantFrom('', 'x', 'y', 'longer'));

  test('what the target has stays until the switch-over, and afterwards it has what the source has', async () => {
    const given = fc.record({
      old: content,
      source: content,
      removesOthers: fc.boolean(),
      png: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ old, source, removesOthers, png }) => {
        const to = new Remembered('to', old);
        const from = new Remembered('from', source);
        const exclude = png ? ['*.png'] : [];
        const wanted = Object.entries(source).filter(([key]) => !(png && key.endsWith('.png')));
        const others = Object.entries(old).filter(([key]) => !wanted.some(([other]) => other === key));
        const removes = removesOthers && Object.keys(source).length > 0;

        const first = await copyMedia({ from, to, removesOthers }, options('add', { exclude }));
        expect(to.content).toEqual({ ...Object.fromEntries(wanted), ...old });
        const second = await copyMedia({ from, to, removesOthers }, options('settle', { exclude }));
        expect(to.content).toEqual(Object.fromEntries([...(removes ? [] : others), ...wanted]));

        expect(first?.added).toBe(wanted.filter(([key]) => !(key in old)).length);
        expect(second).toMatchObject({
          files: wanted.length,
          added: 0,
          removed: removes ? others.length : 0,
          others: removes ? 0 : others.length,
          leftOut: Object.keys(source).length - wanted.length,
        });
        // A repeated one has nothing to do
        const again = await copyMedia({ from, to, removesOthers }, options('settle', { exclude }));
        expect(again).toMatchObject({ added: 0, replaced: 0, removed: 0 });
      }),
    );
  });

  test('a repeated call goes on where there was no time for more', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`file ${index}`, `${index}`]),
    );
    const [from, to] = [new Remembered('from', many), new Remembered('to')];
    let calls = 0;
    let copies = 0;
    for (let counts: unknown; counts === undefined && calls < 20; calls++) {
      const most = copies + 700;
      counts = await copyMedia(
        { from, to, removesOthers: false },
        options('settle', {
          isNearlyOver: () => copies >= most,
          progress: { advance: () => (copies += 1) },
        }),
      );
    }
    expect([calls, copies]).toEqual([5, 3000]);
    expect(to.content).toEqual(many);
  });

  test('a copy that is not there in the end fails, and one whose source has gone does not', async () => {
    const [from, to] = [new Remembered('from', { a: 'aa', b: 'bb' }), new Remembered('to')];
    from.copyFrom = async () => false;
    to.copyFrom = async (_, { key }) => {
      if (key === 'a') from.objects.delete('a');
      return key !== 'a';
    };
    const copying = copyMedia({ from, to, removesOthers: false }, options('add'));
    await expect(copying).rejects.toThrow(MediaObjectsDiffer);
    await expect(copying).rejects.toThrow('s3://to/media/b has no bytes after it was copied');
  });
});

describe('two buckets', () => {
  const place = (uri: string) => {
    const { bucket, prefix } = parseStoreUri(uri);
    return { bucket, prefix, uri: (key: string) => `s3://${bucket}/${prefix}${key}` };
  };
  const check = (from: string, to: string, store = 's3://backups/nautobot') => {
    const bucketOf = (uri: string) => Object.assign(new Remembered('x', { a: '' }), place(uri));
    return checkMediaBuckets({ from: bucketOf(from), to: bucketOf(to), removesOthers: true }, place(store));
  };

  test.each([
    ['s3://media', 's3://media'],
    ['s3://media/production', 's3://media'],
    ['s3://media', 's3://media/staging'],
    ['s3://media', 's3://backups'],
    ['s3://media', 's3://backups/nautobot/media'],
  ])('%s is not copied into %s, which is or holds something else', async (from, to) => {
    await expect(check(from, to)).rejects.toThrow(MediaBucketsOverlap);
  });

  test('lie apart by their prefixes, too', async () => {
    expect(await check('s3://media/production', 's3://media/production-copy')).toContain('can be listed');
  });

  test('of which the one to be copied is empty are refused where the other would be emptied', async () => {
    const [from, to] = [new Remembered('from'), new Remembered('to', { a: '' })];
    const checking = (removesOthers: boolean) =>
      checkMediaBuckets({ from, to, removesOthers }, place('s3://backups'));
    await expect(checking(true)).rejects.toThrow(MediaBucketEmpty);
    expect(await checking(false)).toBe('there is nothing at s3://from/media/ to copy');
  });
});

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
