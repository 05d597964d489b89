import { execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DamagedBackup } from '../../functions/archive/errors.ts';
import { compressBlock, decompressFrame, frameHeader, frameLength } from '../../functions/archive/frame.ts';
import { decompressFrames, readFrames } from '../../functions/archive/frame-stream.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import { all, collect, noise } from '../store/bytes.ts';

const zstd = await findProgram('zstd');

/** Content from nothing to several blocks of a frame, from what shrinks to what doesn't. */
const content = fc
  .record({
    size: fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(600_000)),
    seed: fc.nat(1000),
    repeated: fc.boolean(),
  })
  .map(({ size, seed, repeated }) => {
    const bytes = noise(repeated ? Math.ceil(size / 100) : size, seed);
    return repeated ? Buffer.concat(Array.from({ length: 100 }, () => bytes)).subarray(0, size) : bytes;
  });

async function* sliced(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const skippable = (length: number) => {
  const frame = Buffer.alloc(8 + length);
  frame.writeUInt32LE(0x184d2a53, 0);
  frame.writeUInt32LE(length, 4);
  return frame;
};

describe('a frame', () => {
  it('holds its content, says its size and carries a checksum', async () => {
    await fc.assert(
      fc.asyncProperty(content, async (raw) => {
        const frame = await compressBlock(raw);
        expect(frameHeader(frame, 0)).toMatchObject({
          kind: 'zstd',
          contentSize: raw.length,
          checksum: true,
        });
        expect(frameLength(frame)).toBe(frame.length);
        expect((await decompressFrame(frame)).equals(raw)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('has an end that is found without decompressing, wherever it lies among others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(content, { maxLength: 5 }), fc.nat(20), async (raws, gap) => {
        const frames = await Promise.all(raws.map((raw) => compressBlock(raw)));
        const bytes = Buffer.concat([Buffer.alloc(gap), ...frames]);
        let at = gap;
        for (const frame of frames) {
          expect(frameLength(bytes, at)).toBe(frame.length);
          expect(frameLength(bytes.subarray(0, at + frame.length - 1), at)).toBeUndefined();
          at += frame.length;
        }
      }),
      { numRuns: 40 },
    );
  });

  it('never gives another content when a bit of it is another', async () => {
    const raw = Buffer.from('a row\twith\tcolumns\n'.repeat(500));
    const frame = await compressBlock(raw);
    for (let bit = 0; bit < frame.length * 8; bit += 1) {
      const spoilt = Buffer.from(frame);
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const outcome = await decompressFrame(spoilt).catch((error) => error);
      // The format has an unused bit.
      if (Buffer.isBuffer(outcome))
        expect(outcome.equals(raw) || outcome.length === 0, `bit ${bit}`).toBe(true);
      else expect(outcome, `bit ${bit}`).toBeInstanceOf(DamagedBackup);
    }
  });

  it('is refused when it ends early, says no size, or promises what it cannot hold', async () => {
    const frame = await compressBlock(noise(10_000));
    for (const length of [0, 3, 5, 8, 100, frame.length - 1])
      await expect(decompressFrame(frame.subarray(0, length)), `${length} bytes`).rejects.toThrow(
        DamagedBackup,
      );
    const sizeless = Buffer.concat([
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]),
      Buffer.from([1, 0, 0]),
    ]);
    await expect(decompressFrame(sizeless)).rejects.toThrow('does not say the size');
    const boastful = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 1, 0, 0]);
    const before = process.memoryUsage().rss;
    await expect(decompressFrame(boastful)).rejects.toThrow(DamagedBackup);
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  it('is walked through whatever the encoder chose: levels, raw blocks, runs, many blocks', async () => {
    const compress = promisify(zstdCompress);
    const raws = [
      Buffer.alloc(3_000_000),
      noise(1_000_000),
      Buffer.from('abc'.repeat(700_000)),
      Buffer.alloc(0),
    ];
    for (const raw of raws) {
      const plain = (await compress(raw)) as Buffer;
      expect(frameLength(Buffer.concat([plain, noise(50)]))).toBe(plain.length);
      for (const level of [1, 19]) {
        const frame = await compressBlock(raw, level);
        expect(frameLength(Buffer.concat([frame, noise(50)]))).toBe(frame.length);
        expect((await decompressFrame(frame)).equals(raw)).toBe(true);
      }
    }
  });

  it('does not keep more memory than its length while it waits', async () => {
    const frame = await compressBlock(Buffer.alloc(4 * 1024 * 1024));
    expect(frame.buffer.byteLength).toBeLessThan(100_000);
  });
});

describe('a stream of frames', () => {
  it('is cut into the frames that were written, in whatever slices it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { maxLength: 6 }),
        fc.integer({ min: 1, max: 70_000 }),
        async (raws, size) => {
          const frames = await Promise.all(raws.map((raw) => compressBlock(raw)));
          const bytes = Buffer.concat(frames);
          const cut = await all(
            readFrames(sliced(bytes, bytes.length > 50_000 ? Math.max(size, 500) : size)),
          );
          expect(cut.map(({ length }) => length)).toEqual(frames.map(({ length }) => length));
          expect(Buffer.concat(cut).equals(bytes)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that ends within a frame is damaged, at every byte', async () => {
    const frames = await Promise.all(
      [noise(10), noise(200), Buffer.alloc(300_000)].map((raw) => compressBlock(raw)),
    );
    const bytes = Buffer.concat(frames);
    const ends = new Set(
      frames.map((_, index) => Buffer.concat(frames.slice(0, index)).length).concat(bytes.length),
    );
    for (let length = 0; length <= bytes.length; length += 1) {
      const read = all(readFrames(sliced(bytes.subarray(0, length), 17)));
      if (ends.has(length)) await read;
      else await expect(read, `${length} bytes`).rejects.toThrow(DamagedBackup);
    }
  });

  it('that holds what is no frame is damaged', async () => {
    const frame = await compressBlock(noise(100));
    for (const rubbish of [noise(100), Buffer.alloc(100), Buffer.from('COPY "public"."t" FROM stdin;\n')])
      await expect(all(readFrames(sliced(Buffer.concat([frame, rubbish]), 1000)))).rejects.toThrow(
        DamagedBackup,
      );
  });

  it('may hold skippable frames, which have no content', async () => {
    const raw = noise(1000);
    const bytes = Buffer.concat([
      skippable(0),
      await compressBlock(raw),
      skippable(70_000),
      await compressBlock(raw),
    ]);
    const read = await collect(decompressFrames(readFrames(sliced(bytes, 333)), 3));
    expect(read.equals(Buffer.concat([raw, raw]))).toBe(true);
  });

  it('is decompressed in order, with no more frames at a time than asked for', async () => {
    const raws = Array.from({ length: 40 }, (_, index) => noise((index * 7919) % 50_000, index));
    let taken = 0;
    let given = 0;
    const frames = async function* () {
      for (const raw of raws) {
        taken += 1;
        expect(taken - given).toBeLessThanOrEqual(4);
        yield await compressBlock(raw);
      }
    };
    const read: Buffer[] = [];
    for await (const block of decompressFrames(frames(), 4)) {
      given += 1;
      read.push(block);
    }
    expect(Buffer.concat(read).equals(Buffer.concat(raws))).toBe(true);
  });

  it('lends each content until the next one is asked for, and takes its memory back then', async () => {
    const raws = [noise(3_000_000, 1), noise(100, 2), Buffer.alloc(0), noise(900_000, 3), noise(5_000, 4)];
    const frames = async function* () {
      for (const raw of raws) yield await compressBlock(raw);
    };
    const neighbour = Buffer.allocUnsafe(64).fill('n');
    const lent: Buffer[] = [];
    for await (const content of decompressFrames(frames(), 2, true)) {
      expect(content.equals(raws[lent.length] ?? noise(1))).toBe(true);
      lent.push(content);
    }
    expect(lent).toHaveLength(raws.length);
    expect([lent[0]?.length, lent[3]?.length]).toEqual([0, 0]);
    // Memory that Node.js shares out is nobody's to take
    expect(neighbour.equals(Buffer.alloc(64, 'n'))).toBe(true);
    const kept = await all(decompressFrames(frames(), 2));
    expect(Buffer.concat(kept).equals(Buffer.concat(raws))).toBe(true);
  });

  it('passes the first error on and ends its source, without an unhandled rejection', async () => {
    const good = await compressBlock(noise(100));
    const bad = Buffer.from(good);
    bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1;
    let ended = false;
    const frames = async function* () {
      try {
        for (const frame of [good, bad, bad, bad, good]) yield frame;
      } finally {
        ended = true;
      }
    };
    const read: Buffer[] = [];
    const reading = async () => {
      for await (const block of decompressFrames(frames(), 3)) read.push(block);
    };
    await expect(reading()).rejects.toThrow(DamagedBackup);
    expect(read).toHaveLength(1);
    expect(ended).toBe(true);
  });
});

if (zstd === undefined) {
  it('zstd is not on the PATH, so it was not tried whether it reads what is written', async () => {
    expect(await findProgram('zstd')).toBeUndefined();
  });
} else {
  it('written here is one file to zstd', async () => {
    const raws = [noise(100_000), Buffer.alloc(0), Buffer.from('text\n'.repeat(10_000)), noise(1)];
    const bytes = Buffer.concat(await Promise.all(raws.map((raw) => compressBlock(raw))));
    const read = execFileSync(zstd, ['-dc'], { input: bytes, maxBuffer: 1e9 });
    expect(read.equals(Buffer.concat(raws))).toBe(true);
  });

  it('written by zstd is read here, in many blocks and frames', async () => {
    const raw = Buffer.concat([
      noise(2_000_000),
      Buffer.alloc(3_000_000),
      Buffer.from('row\n'.repeat(500_000)),
    ]);
    const frame = execFileSync(zstd, ['-c', '--check', `--stream-size=${raw.length}`], {
      input: raw,
      maxBuffer: 1e9,
    });
    const read = await collect(
      decompressFrames(readFrames(sliced(Buffer.concat([frame, frame]), 65_536)), 2),
    );
    expect(read.equals(Buffer.concat([raw, raw]))).toBe(true);
  });
}
