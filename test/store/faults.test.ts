import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { all, collect, noise } from './bytes.ts';
import { type Fault, faulty, type Seen } from './faults.ts';
import { newBucket, presentServers, type RunningServer, startServer, useServer } from './s3-servers.ts';

const mebibyte = 1024 ** 2;
const { present } = await presentServers();

describe.each(present)('with a network that fails, the object store on %s', (name) => {
  let server: RunningServer;
  let bucket: string;
  let store: ObjectStore;
  let restore: () => void;

  beforeAll(async () => {
    server = await startServer(name);
    restore = useServer(server.env);
    bucket = await newBucket();
    store = openStore(`s3://${bucket}/p`);
  });
  afterAll(async () => {
    restore?.();
    await server?.stop();
  });

  function failing(choose: (request: Seen, count: number) => Fault | undefined): {
    store: ObjectStore;
    requests: Seen[];
  } {
    const { handler, requests } = faulty(choose);
    return { store: openStore(`s3://${bucket}/p`, { requestHandler: handler }), requests };
  }

  const isGet = ({ method, query }: Seen) =>
    method === 'GET' && !('list-type' in query) && !('uploads' in query);

  it.each([false, true])('goes on with a read that broke off, silently: %s', async (silently) => {
    const body = noise(3 * mebibyte);
    const facts = await store.put('read', body);
    let cuts = 0;
    const { store: broken, requests } = failing((request) => {
      if (!isGet(request) || cuts >= 4) return undefined;
      cuts += 1;
      return { kind: 'cut', after: 300_000 + cuts, silently };
    });
    const read = await collect(broken.read('read', { offset: 1, length: body.length - 2 }, facts));
    expect(read.equals(body.subarray(1, body.length - 1))).toBe(true);
    const ranges = requests.map(({ headers }) => headers.range);
    expect(new Set(ranges).size).toBe(5);
    expect(requests.every(({ headers }) => headers['if-match'] === facts.etag)).toBe(true);
  });

  it('gives a read up that never gets any further', async () => {
    const facts = await store.put('stuck', noise(1000));
    const { store: broken, requests } = failing((request) =>
      isGet(request) ? { kind: 'cut', after: 0, silently: true } : undefined,
    );
    await expect(collect(broken.read('stuck', { offset: 0, length: 1000 }, facts))).rejects.toMatchObject({
      code: 'ShortRead',
    });
    expect(requests.length).toBeLessThan(10);
  });

  it('never takes half of a small object for all of it', async () => {
    await store.put('small', noise(5000));
    const { store: broken } = failing((request, count) =>
      isGet(request) && count === 1 ? { kind: 'cut', after: 100 } : undefined,
    );
    expect((await broken.get('small'))?.body.equals(noise(5000))).toBe(true);
    const { store: always } = failing((request) =>
      isGet(request) ? { kind: 'cut', after: 100, silently: true } : undefined,
    );
    await expect(always.get('small')).rejects.toMatchObject({ exitCode: 1 });
  });

  it('counts a new object as written when only the answer was lost', async () => {
    let lost = 0;
    const { store: broken } = failing(({ method }) =>
      method === 'PUT' && lost++ === 0 ? { kind: 'lose answer' } : undefined,
    );
    expect(await broken.putNew('lost', 'mine')).toMatchObject({ size: 4 });
    expect(lost).toBe(2);
  });

  it('counts a new object as written when no answer came at all', async () => {
    const { store: broken } = failing(({ method }) =>
      method === 'PUT' ? { kind: 'lose answer' } : undefined,
    );
    expect(await broken.putNew('mute', 'mine')).toMatchObject({ size: 4 });
    expect(await broken.putNew('mute', 'other')).toBeUndefined();
  });

  it('does not take the object of another writer for its own after a lost answer', async () => {
    let first = true;
    const { store: broken } = failing(({ method }) => {
      if (method !== 'PUT' || !first) return undefined;
      first = false;
      return { kind: 'refuse', status: 503, code: 'SlowDown' };
    });
    await store.put('theirs', 'theirs');
    expect(await broken.putNew('theirs', 'mine')).toBeUndefined();
    expect((await store.get('theirs'))?.body.toString()).toBe('theirs');
  });

  it('repeats a new object after 409 ConditionalRequestConflict', async () => {
    let conflicts = 0;
    const { store: broken } = failing(({ method }) =>
      method === 'PUT' && conflicts++ < 2
        ? { kind: 'refuse', status: 409, code: 'ConditionalRequestConflict' }
        : undefined,
    );
    expect(await broken.putNew('conflict', 'mine')).toMatchObject({ size: 4 });
  });

  it('writes a new object without conditions where the server has none', async () => {
    const { store: broken } = failing(({ headers }) =>
      headers['if-none-match'] ? { kind: 'refuse', status: 501, code: 'NotImplemented' } : undefined,
    );
    expect(await broken.putNew('plain', 'mine')).toMatchObject({ size: 4 });
    expect(await broken.putNew('plain', 'other')).toBeUndefined();
  });

  const isComplete = ({ method, query }: Seen) => method === 'POST' && 'uploadId' in query;

  it('finds an upload completed although the answer was lost', async () => {
    const body = noise(18 * mebibyte);
    let lost = 0;
    const { store: broken } = failing((request) =>
      isComplete(request) && lost++ === 0 ? { kind: 'lose answer' } : undefined,
    );
    expect(await broken.upload('completed', Readable.from([body]))).toMatchObject({ size: body.length });
    expect(lost).toBeGreaterThan(0);
  });

  it('finds a composed file complete although the answer was lost', async () => {
    const { etag } = await store.put('source', noise(12 * mebibyte));
    let lost = 0;
    const { store: broken } = failing((request) =>
      isComplete(request) && lost++ === 0 ? { kind: 'lose answer' } : undefined,
    );
    const pieces = [{ key: 'source', etag, offset: 0, length: 12 * mebibyte }];
    expect(await broken.compose('composed', pieces, 'application/zstd')).toMatchObject({
      size: 12 * mebibyte,
    });
    expect(lost).toBeGreaterThan(0);
  });

  it('reads and uploads where the server cannot copy, and where it only pretends to', async () => {
    const body = noise(12 * mebibyte, 5);
    const { etag } = await store.put('to copy', body);
    const pieces = [{ key: 'to copy', etag, offset: 7, length: 11 * mebibyte }];
    const refusing = failing(({ headers }) =>
      headers['x-amz-copy-source'] ? { kind: 'refuse', status: 501, code: 'NotImplemented' } : undefined,
    );
    const pretending = failing(({ headers }) =>
      headers['x-amz-copy-source'] ? { kind: 'pretend' } : undefined,
    );
    for (const [key, { store: broken }] of Object.entries({ refusing, pretending })) {
      const facts = await broken.compose(`copied/${key}`, pieces, 'application/zstd');
      const read = await collect(store.read(`copied/${key}`, { offset: 0, length: facts.size }, facts));
      expect(read.equals(body.subarray(7, 7 + 11 * mebibyte)), key).toBe(true);
    }
    if (name !== 's3rver') expect(await store.listUploads('copied/')).toEqual([]);
  });

  it('removes the upload when a part fails for good', async () => {
    const { etag } = await store.put('parts', noise(12 * mebibyte));
    const { store: broken } = failing(({ method, query }) =>
      method === 'PUT' && 'partNumber' in query
        ? { kind: 'refuse', status: 403, code: 'AccessDenied' }
        : undefined,
    );
    const pieces = [{ key: 'parts', etag, offset: 0, length: 12 * mebibyte }];
    await expect(broken.compose('denied', pieces, 'application/zstd')).rejects.toMatchObject({
      code: 'StoreAccessDenied',
    });
    await expect(broken.upload('denied', Readable.from([noise(20 * mebibyte)]))).rejects.toMatchObject({
      code: 'StoreAccessDenied',
    });
    expect(await store.listUploads('denied')).toEqual([]);
    expect(await store.head('denied')).toBeUndefined();
  });

  it('ends the source of an upload whose parts fail, although the source has more to give', async () => {
    const { store: broken } = failing(({ method, query }) =>
      method === 'PUT' && 'partNumber' in query
        ? { kind: 'refuse', status: 403, code: 'AccessDenied' }
        : undefined,
    );
    const body = new Readable({ read() {} });
    const done = broken.upload('endless', body);
    body.push(noise(17 * mebibyte));
    await expect(done).rejects.toMatchObject({ code: 'StoreAccessDenied' });
    expect(body.destroyed).toBe(true);
  });

  it('says which action on which key was refused', async () => {
    const { store: broken } = failing(() => ({ kind: 'refuse', status: 403, code: 'AccessDenied' }));
    const calls: [RegExp, (store: ObjectStore) => Promise<unknown>][] = [
      [/s3:PutObject on s3:\/\/.*\/p\/k/, (s) => s.put('k', 'x')],
      [/s3:\w+Object.* on s3:\/\/.*\/p\/k/, (s) => s.putNew('k', 'x')],
      [/s3:PutObject on s3:\/\/.*\/p\/k/, (s) => s.upload('k', Readable.from([noise(10)]))],
      [/s3:GetObject.* on s3:\/\/.*\/p\/k/, (s) => s.head('k')],
      [/s3:GetObject on s3:\/\/.*\/p\/k/, (s) => s.get('k')],
      [/s3:ListBucket on s3:\/\/.*\/p\/runs/, (s) => all(s.list('runs/'))],
      [/s3:DeleteObject on s3:\/\/.*\/p\/k/, (s) => s.remove(['k'])],
    ];
    for (const [message, call] of calls) {
      const failure = expect(call(broken), String(call)).rejects;
      await failure.toMatchObject({ code: 'StoreAccessDenied', exitCode: 2 });
      await failure.toThrow(message);
    }
  });

  it('gets over a server that is busy for a moment', async () => {
    const { store: broken } = failing((_, count) =>
      count % 2 === 1 ? { kind: 'refuse', status: 503, code: 'SlowDown' } : undefined,
    );
    await broken.put('busy', 'x');
    expect((await broken.get('busy'))?.body.toString()).toBe('x');
    await broken.remove(['busy']);
  });
});
