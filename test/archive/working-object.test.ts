import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSection } from '../../functions/archive/chunk-reader.ts';
import { crc32Text } from '../../functions/archive/crc32-combine.ts';
import { blockBytes } from '../../functions/archive/frame.ts';
import { decompressFrames, readFrames } from '../../functions/archive/frame-stream.ts';
import {
  openWorkingObject,
  type WorkingObject,
  type WrittenChunk,
} from '../../functions/archive/working-object.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { all, collect, noise } from '../store/bytes.ts';
import { faulty } from '../store/faults.ts';
import { type TestStore, testStore } from './test-store.ts';

let test: TestStore;
let store: ObjectStore;
beforeAll(async () => {
  test = await testStore();
  store = test.store;
});

async function framesOf(bytes: Buffer): Promise<Buffer[]> {
  return all(decompressFrames(readFrames(Readable.from([bytes])), 2));
}

describe('a working object', () => {
  it('holds what was written, and says where each chunk lies', async () => {
    const chunksOf = fc.array(
      fc.record({ line: fc.string(), pieces: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }) }),
      { maxLength: 8 },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(chunksOf, async (chunks) => {
        const key = `property/${run++}`;
        const object = openWorkingObject(store, key, { blockBytes: 64 });
        const written: WrittenChunk[] = [];
        const expected: Buffer[] = [];
        for (const { line, pieces } of chunks) {
          await object.write(line);
          expected.push(Buffer.from(line));
          object.beginChunk();
          for (const piece of pieces) await object.append(Buffer.from(piece), 1);
          written.push(await object.endChunk());
          expected.push(...pieces.map((piece) => Buffer.from(piece)));
        }
        const facts = await object.finish();
        const bytes = (await store.get(key))?.body ?? Buffer.alloc(0);
        expect(facts).toMatchObject({ object: key, size: bytes.length, crc32: crc32Text(crc32(bytes)) });
        expect(facts.etag).toBe((await store.head(key))?.etag);
        expect(Buffer.concat(await framesOf(bytes)).equals(Buffer.concat(expected))).toBe(true);
        for (const [index, chunk] of written.entries()) {
          const part = bytes.subarray(chunk.offset, chunk.offset + chunk.length);
          const raw = Buffer.concat(chunks[index]?.pieces.map((piece) => Buffer.from(piece)) ?? []);
          expect(chunk.sha256).toBe(createHash('sha256').update(part).digest('hex'));
          expect(chunk.rawBytes).toBe(raw.length);
          expect(chunk.rows).toBe(chunks[index]?.pieces.length);
          const blocks = await framesOf(part);
          expect(chunk.frames).toBe(blocks.length);
          expect(Buffer.concat(blocks).equals(raw)).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('cuts blocks between pieces only, and gives a longer piece a block of its own', async () => {
    const object = openWorkingObject(store, 'blocks', { blockBytes: 100 });
    object.beginChunk();
    for (const size of [60, 40, 1, 99, 60, 60, 250, 3, 98]) await object.append(Buffer.alloc(size, size), 1);
    const chunk = await object.endChunk();
    await object.finish();
    const blocks = await framesOf((await store.get('blocks'))?.body ?? Buffer.alloc(0));
    expect(blocks.map(({ length }) => length)).toEqual([100, 100, 60, 60, 250, 3, 98]);
    expect(chunk).toMatchObject({ frames: blocks.length, rows: 9, offset: 0 });
  });

  it('has chunks without rows, which take no bytes', async () => {
    const object = openWorkingObject(store, 'empty');
    await object.write('before');
    object.beginChunk();
    const chunk = await object.endChunk();
    await object.write('after');
    const { size } = await object.finish();
    expect(chunk).toMatchObject({ length: 0, frames: 0, rawBytes: 0, rows: 0 });
    expect(chunk.offset).toBeGreaterThan(0);
    expect(chunk.offset).toBeLessThan(size);
    const section = readSection(
      store,
      'empty',
      chunk,
      { etag: (await store.head('empty'))?.etag ?? '' },
      { what: 't' },
    );
    expect(await collect(section)).toHaveLength(0);
  });

  it('may be empty', async () => {
    expect(await openWorkingObject(store, 'nothing').finish()).toMatchObject({ size: 0, crc32: '00000000' });
  });

  it('is larger than one part of an upload without any of it lost', async () => {
    const object = openWorkingObject(store, 'large', { blockBytes: 1024 * 1024 });
    object.beginChunk();
    const pieces = Array.from({ length: 45 }, (_, index) => noise(999_983, index));
    for (const piece of pieces) await object.append(piece, 1);
    const chunk = await object.endChunk();
    const facts = await object.finish();
    expect(facts.size).toBeGreaterThan(40_000_000);
    const read = await collect(readSection(store, 'large', chunk, facts, { what: 'large' }));
    expect(read.equals(Buffer.concat(pieces))).toBe(true);
  });

  it('makes its writer wait while the store is slow', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow: ObjectStore = Object.create(store, {
      upload: {
        value: async (key: string, body: Readable) => {
          await gate;
          return store.upload(key, body);
        },
      },
    });
    const object = openWorkingObject(slow, 'slow', { blockBytes: 1024 * 1024, parallel: 2 });
    object.beginChunk();
    let taken = 0;
    const writing = (async () => {
      for (; taken < 20; taken += 1) await object.append(noise(1024 * 1024, taken), 1);
    })();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(taken).toBeLessThan(7);
    open();
    await writing;
    expect(await object.endChunk()).toMatchObject({ rows: 20, frames: 20 });
    expect((await object.finish()).size).toBeGreaterThan(20 * 1024 * 1024);
  });

  it('is forgotten once it is finished, while the run that could have ended it goes on', async () => {
    const run = new AbortController();
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 12; index += 1) {
      const object = openWorkingObject(store, `one-of-many-${index}`, { signal: run.signal });
      object.beginChunk();
      for (let piece = 0; piece < 9; piece += 1) await object.append(Buffer.alloc(1_000_000, piece), 1);
      await object.endChunk();
      await object.finish();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * blockBytes);
    run.abort();
  });

  async function writeForever(object: WorkingObject): Promise<void> {
    object.beginChunk();
    for (let index = 0; ; index += 1) await object.append(noise(500_000, index), 1);
  }

  it('leaves nothing when it is given up', async () => {
    const object = openWorkingObject(store, 'given-up');
    const writing = writeForever(object);
    setTimeout(() => object.abort(new Error('enough')), 300);
    await expect(writing).rejects.toThrow('enough');
    await object.abort();
    expect(await store.head('given-up')).toBeUndefined();
  });

  it('leaves nothing when its signal is aborted', async () => {
    const control = new AbortController();
    const object = openWorkingObject(store, 'signalled', { signal: control.signal });
    const writing = writeForever(object);
    setTimeout(() => control.abort(new Error('run over')), 300);
    await expect(writing).rejects.toThrow('run over');
    await expect(object.endChunk()).rejects.toThrow('run over');
    await object.abort();
    expect(await store.head('signalled')).toBeUndefined();
  });

  it('leaves nothing when its user fails, with `await using`', async () => {
    const failing = async () => {
      await using object = openWorkingObject(store, 'using');
      object.beginChunk();
      await object.append(noise(5_000_000), 1);
      throw new RangeError('the rows are broken');
    };
    await expect(failing()).rejects.toThrow('the rows are broken');
    expect(await store.head('using')).toBeUndefined();
  });

  it('rejects what waits for it when the upload fails', async () => {
    const { handler } = faulty(({ method }) =>
      method === 'PUT' || method === 'POST'
        ? { kind: 'refuse', status: 403, code: 'AccessDenied' }
        : undefined,
    );
    const denied = test.again({ requestHandler: handler });
    await expect(writeForever(openWorkingObject(denied, 'denied'))).rejects.toMatchObject({
      code: 'StoreAccessDenied',
    });
    const small = openWorkingObject(denied, 'denied');
    await small.write('x');
    await expect(small.finish()).rejects.toMatchObject({ code: 'StoreAccessDenied' });
  });

  it('holds its users to the order of calls', async () => {
    await using object = openWorkingObject(store, 'misused');
    await expect(object.append(Buffer.from('x'))).rejects.toThrow(TypeError);
    await expect(object.endChunk()).rejects.toThrow(TypeError);
    object.beginChunk();
    expect(() => object.beginChunk()).toThrow(TypeError);
    await expect(object.write('x')).rejects.toThrow(TypeError);
    await expect(object.finish()).rejects.toThrow(TypeError);
  });
});
