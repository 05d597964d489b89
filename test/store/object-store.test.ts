import { Readable } from 'node:stream';
import { CreateMultipartUploadCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore, Piece } from '../../functions/store/object-store.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import { all, collect, noise } from './bytes.ts';
import {
  newBucket,
  plainClient,
  presentServers,
  type RunningServer,
  startServer,
  useServer,
} from './s3-servers.ts';

const mebibyte = 1024 ** 2;
const { present, absent } = await presentServers();

for (const name of absent) {
  it(`${name} is not on the PATH, so the object store was not tried on it`, async () => {
    expect(await findProgram(name)).toBeUndefined();
  });
}

describe.each(present)('the object store on %s', (name) => {
  let server: RunningServer;
  let store: ObjectStore;
  let restore: () => void;

  beforeAll(async () => {
    server = await startServer(name);
    restore = useServer(server.env);
    store = openStore(`s3://${await newBucket()}/some/prefix`);
  });
  afterAll(async () => {
    restore?.();
    await server?.stop();
  });

  const names = [
    'plain',
    'with space',
    'plus+and%25',
    'ünïcödé-ключ',
    'quote\'and"double',
    'a=b&c;d,e',
    '(x)!*~',
  ];
  it.each(names)('keeps what is put under the key %j', async (key) => {
    const body = noise(1000);
    const facts = await store.put(`odd/${key}`, body, 'text/plain');
    expect(await store.head(`odd/${key}`)).toMatchObject({ size: 1000, etag: facts.etag });
    expect((await store.get(`odd/${key}`))?.body.equals(body)).toBe(true);
    expect(await all(store.list(`odd/${key}`))).toMatchObject([
      { key: `odd/${key}`, size: 1000, etag: facts.etag },
    ]);
  });

  it('keeps an empty object', async () => {
    await store.put('empty', '');
    expect(await store.head('empty')).toMatchObject({ size: 0 });
    expect((await store.get('empty'))?.body).toHaveLength(0);
  });

  it('finds nothing where nothing is', async () => {
    expect(await store.head('nothing/here')).toBeUndefined();
    expect(await store.get('nothing/here')).toBeUndefined();
    expect(await all(store.list('nothing/'))).toEqual([]);
    expect(await store.listFolders('nothing/')).toEqual([]);
  });

  it('writes a new object once and never again', async () => {
    expect(await store.putNew('new', 'first')).toMatchObject({ size: 5 });
    expect(await store.putNew('new', 'second')).toBeUndefined();
    expect(await store.putNew('new', 'first')).toBeUndefined();
    expect((await store.get('new'))?.body.toString()).toBe('first');
  });

  it('lets exactly one of many writers of a new object win, from several stores', async () => {
    const stores = [
      store,
      ...Array.from({ length: 7 }, () => openStore(`s3://${store.bucket}/${store.prefix}`)),
    ];
    const outcomes = await Promise.all(stores.map((each, index) => each.putNew('race', `writer ${index}`)));
    const winners = outcomes.flatMap((facts, index) => (facts ? [`writer ${index}`] : []));
    expect(winners).toEqual([(await store.get('race'))?.body.toString()]);
  });

  it.each([0, 1, 5 * mebibyte, 16 * mebibyte, 16 * mebibyte + 1, 40 * mebibyte + 12_345])(
    'streams an upload of %i bytes',
    async (size) => {
      const body = noise(size, size);
      const facts = await store.upload(`uploads/${size}`, Readable.from(slices(body, 700_001)));
      expect(facts).toMatchObject({ size });
      const read = await collect(store.read(`uploads/${size}`, { offset: 0, length: size }, facts));
      expect(read.equals(body)).toBe(true);
    },
  );

  it('leaves nothing of an upload that is aborted in its middle', async () => {
    const control = new AbortController();
    const body = new Readable({ read() {} });
    const done = store.upload('aborted', body, control.signal);
    body.push(noise(33 * mebibyte));
    setTimeout(() => control.abort(new Error('enough')), 200);
    await expect(done).rejects.toThrow('enough');
    expect(body.destroyed).toBe(true);
    expect(await store.head('aborted')).toBeUndefined();
    expect(await store.listUploads('aborted')).toEqual([]);
  });

  it('leaves nothing of an upload whose source fails, and passes its error on', async () => {
    const failing = Readable.from(
      (async function* () {
        yield noise(20 * mebibyte);
        throw new RangeError('the source is broken');
      })(),
    );
    await expect(store.upload('failed', failing)).rejects.toThrow('the source is broken');
    expect(await store.head('failed')).toBeUndefined();
    expect(await store.listUploads('failed')).toEqual([]);
  });

  it.each([
    [0, 1],
    [0, 100_000],
    [1, 1],
    [99_999, 1],
    [40_000, 25_000],
    [5, 0],
  ])('reads %i, %i as exactly these bytes', async (offset, length) => {
    const body = noise(100_000);
    const facts = await store.put('ranges', body);
    const read = await collect(store.read('ranges', { offset, length }, facts));
    expect(read.equals(body.subarray(offset, offset + length))).toBe(true);
  });

  it('rejects a read beyond the end instead of giving less', async () => {
    const facts = await store.put('short', noise(100));
    await expect(collect(store.read('short', { offset: 50, length: 51 }, facts))).rejects.toMatchObject({
      exitCode: 1,
    });
    await expect(collect(store.read('short', { offset: 200, length: 1 }, facts))).rejects.toMatchObject({
      exitCode: 1,
    });
  });

  it('notices that a pinned object was replaced or removed', async () => {
    const facts = await store.put('pinned', noise(100, 1));
    await store.put('pinned', noise(100, 2));
    const read = () => collect(store.read('pinned', { offset: 0, length: 100 }, facts));
    await expect(read()).rejects.toMatchObject({ code: 'ObjectChanged' });
    await store.remove(['pinned']);
    await expect(read()).rejects.toMatchObject({ code: 'ObjectMissing' });
  });

  it('ends a read whose signal is aborted, with the reason', async () => {
    const facts = await store.put('long', noise(8 * mebibyte));
    const control = new AbortController();
    const read = async () => {
      for await (const _ of store.read('long', { offset: 0, length: 8 * mebibyte }, facts, control.signal))
        control.abort(new Error('enough'));
    };
    await expect(read()).rejects.toThrow('enough');
  });

  async function pieces(
    ...sizes: [key: string, size: number][]
  ): Promise<{ pieces: Piece[]; whole: Buffer }> {
    const made: { piece: Piece; body: Buffer }[] = [];
    for (const [key, size] of sizes) {
      const body = noise(size + 20, size);
      const { etag } = await store.put(key, body);
      made.push({ piece: { key, etag, offset: 10, length: size }, body: body.subarray(10, size + 10) });
    }
    return { pieces: made.map(({ piece }) => piece), whole: Buffer.concat(made.map(({ body }) => body)) };
  }

  it.each<{ title: string; sizes: [string, number][] }>([
    { title: 'nothing', sizes: [] },
    {
      title: 'a few bytes',
      sizes: [
        ['c/tiny 1', 3],
        ['c/tiny+2', 5],
      ],
    },
    { title: 'one large piece', sizes: [['c/large', 11 * mebibyte]] },
    {
      title: 'small and large pieces in turns',
      sizes: [
        ['c/ü 1', 3],
        ['c/2+2', 6 * mebibyte],
        ['c/3%25', mebibyte],
        ['c/4', 1],
        ['c/5', 7 * mebibyte],
        ['c/6', 5 * mebibyte],
        ['c/7', 12],
      ],
    },
    { title: 'many small pieces', sizes: Array.from({ length: 30 }, (_, i) => [`c/s${i}`, 300_000 + i]) },
  ])('puts $title together, byte for byte', async ({ title, sizes }) => {
    const { pieces: parts, whole } = await pieces(...sizes);
    const key = `composed/${title}`;
    const facts = await store.compose(key, parts, 'application/zstd');
    expect(facts.size).toBe(whole.length);
    const read = await collect(store.read(key, { offset: 0, length: whole.length }, facts));
    expect(read.equals(whole)).toBe(true);
    expect(await store.listUploads('composed/')).toEqual([]);
  });

  it('takes an object of the same size as done, and never replaces one of another size', async () => {
    const { pieces: parts } = await pieces(['again/1', 6 * mebibyte], ['again/2', 6 * mebibyte]);
    const first = await store.compose('again/whole', parts, 'application/zstd');
    expect(await store.compose('again/whole', parts, 'application/zstd')).toMatchObject({ etag: first.etag });
    await expect(store.compose('again/whole', parts.slice(1), 'application/zstd')).rejects.toMatchObject({
      code: 'ObjectInTheWay',
    });
    expect(await store.head('again/whole')).toMatchObject({ etag: first.etag });
  });

  it('lets composers of the same file at the same time all be done', async () => {
    const { pieces: parts, whole } = await pieces(['both/1', 6 * mebibyte], ['both/2', 100]);
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => store.compose('both/whole', parts, 'application/zstd')),
    );
    for (const { size } of outcomes) expect(size).toBe(whole.length);
    const facts = await store.head('both/whole');
    const read = store.read('both/whole', { offset: 0, length: whole.length }, { etag: facts?.etag ?? '' });
    expect((await collect(read)).equals(whole)).toBe(true);
    expect(await store.listUploads('both/')).toEqual([]);
  });

  it('refuses to put together what has changed or is gone', async () => {
    const { pieces: parts } = await pieces(['gone/1', 6 * mebibyte], ['gone/2', 6 * mebibyte]);
    await store.put('gone/2', noise(6 * mebibyte + 20, 99));
    await expect(store.compose('gone/whole', parts, 'application/zstd')).rejects.toMatchObject({
      code: 'ObjectChanged',
    });
    await store.remove(['gone/2']);
    await expect(store.compose('gone/whole', parts, 'application/zstd')).rejects.toMatchObject({
      code: 'ObjectMissing',
    });
    expect(await store.head('gone/whole')).toBeUndefined();
    expect(await store.listUploads('gone/')).toEqual([]);
  });

  it('leaves nothing of a composition that is aborted', async () => {
    const { pieces: parts } = await pieces(['stop/1', 20 * mebibyte], ['stop/2', 20 * mebibyte]);
    const many = Array.from({ length: 10 }, () => parts).flat();
    const control = new AbortController();
    const done = store.compose('stop/whole', many, 'application/zstd', control.signal);
    setTimeout(() => control.abort(new Error('enough')), 100);
    await expect(done).rejects.toThrow('enough');
    expect(await store.head('stop/whole')).toBeUndefined();
    expect(await store.listUploads('stop/')).toEqual([]);
  });

  it('goes on with a composition where an earlier call had no more time, without sending a part twice', async () => {
    const sizes: [string, number][] = Array.from({ length: 9 }, (_, i) => [
      `resumed/${i}`,
      (6 + i) * mebibyte,
    ]);
    const { pieces: parts, whole } = await pieces(...sizes);
    let left = 0;
    const nearlyOver = () => --left < 0;
    let calls = 0;
    let facts: { size: number; etag: string } | undefined;
    while (!facts) {
      left = 3;
      calls += 1;
      facts = await store.composeSome('resumed/whole', parts, 'application/zstd', nearlyOver);
      const uploads = await store.listUploads('resumed/');
      expect(uploads).toHaveLength(facts ? 0 : 1);
      expect(calls).toBeLessThan(20);
    }
    // s3rver lists no uploads: there all is done at once
    if (name === 's3rver') expect(calls).toBe(1);
    else expect(calls).toBeGreaterThan(2);
    const read = store.read('resumed/whole', { offset: 0, length: whole.length }, facts);
    expect((await collect(read)).equals(whole)).toBe(true);
  });

  it('lists more objects than one page holds, in order, and removes them all', async () => {
    const client = plainClient();
    const keys = Array.from({ length: 1_105 }, (_, i) => `many/${String(i).padStart(5, '0')}/x`);
    const queue = keys.values();
    const writer = async () => {
      for (const key of queue)
        await client.send(
          new PutObjectCommand({ Bucket: store.bucket, Key: `${store.prefix}${key}`, Body: 'x' }),
        );
    };
    await Promise.all(Array.from({ length: 16 }, writer));
    expect((await all(store.list('many/'))).map(({ key }) => key)).toEqual(keys);
    expect(await store.listFolders('many/')).toEqual(keys.map((key) => key.split('/')[1]));
    await store.remove([...keys, 'many/never-was']);
    expect(await all(store.list('many/'))).toEqual([]);
  });

  it('lists only what is below, and folders without what is below them', async () => {
    for (const key of ['tree/a/1', 'tree/a/2/3', 'tree/b', 'tree2/c']) await store.put(key, 'x');
    expect((await all(store.list('tree/'))).map(({ key }) => key)).toEqual([
      'tree/a/1',
      'tree/a/2/3',
      'tree/b',
    ]);
    expect(await store.listFolders('tree/')).toEqual(['a']);
    expect(await store.listFolders('')).toContain('tree');
  });

  it('removes what is not there without an error', async () => {
    await store.remove(['never', 'was']);
    await store.remove(['never']);
    await store.remove([]);
  });

  if (name !== 's3rver') {
    it('finds uploads that were never completed, and removes them more than once', async () => {
      const client = plainClient();
      for (const key of ['pending/1', 'pending/2', 'other/3'])
        await client.send(
          new CreateMultipartUploadCommand({ Bucket: store.bucket, Key: `${store.prefix}${key}` }),
        );
      const found = await store.listUploads('pending/');
      expect(found.map(({ key }) => key).sort()).toEqual(['pending/1', 'pending/2']);
      for (const upload of [...found, ...found]) await store.abortUpload(upload);
      expect(await store.listUploads('pending/')).toEqual([]);
      expect(await store.listUploads('other/')).toHaveLength(1);
    });

    it('works with checksums on every request, where AWS_REQUEST_CHECKSUM_CALCULATION asks for them', async () => {
      const undo = useServer({ AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED' });
      const checking = openStore(`s3://${store.bucket}/checked`);
      try {
        const body = noise(20 * mebibyte);
        const { etag } = await checking.upload('whole', Readable.from(slices(body, mebibyte)));
        const parts = [
          { key: 'whole', etag, offset: 0, length: 7 * mebibyte },
          { key: 'whole', etag, offset: 9 * mebibyte, length: 10 },
          { key: 'whole', etag, offset: 10 * mebibyte, length: 10 * mebibyte },
        ];
        const facts = await checking.compose('parts', parts, 'application/zstd');
        const wanted = Buffer.concat(
          parts.map(({ offset, length }) => body.subarray(offset, offset + length)),
        );
        const read = await collect(checking.read('parts', { offset: 0, length: wanted.length }, facts));
        expect(read.equals(wanted)).toBe(true);
        await checking.remove(['whole', 'parts']);
      } finally {
        undo();
      }
    });
  }

  it('says that the bucket is missing, whatever is asked of it', async () => {
    const missing = () => openStore('s3://no-such-bucket-here/x');
    const piece = { key: 'p', etag: '"e"', offset: 0, length: 1 };
    const calls: ((store: ObjectStore) => Promise<unknown>)[] = [
      (s) => s.head('k'),
      (s) => s.get('k'),
      (s) => s.put('k', 'x'),
      (s) => s.putNew('k', 'x'),
      (s) => s.upload('k', Readable.from([noise(10)])),
      (s) => s.upload('k', Readable.from([noise(20 * mebibyte)])),
      (s) => s.compose('k', [piece], 'application/zstd'),
      (s) => collect(s.read('k', piece, piece)),
      (s) => all(s.list('')),
      (s) => s.listFolders(''),
    ];
    for (const call of calls)
      await expect(call(missing()), String(call)).rejects.toMatchObject({
        code: 'BucketMissing',
        exitCode: 2,
      });
  });
});

function* slices(body: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}
