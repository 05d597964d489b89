import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompressFrame, frameHeader, frameLength } from '../../functions/archive/frame.ts';
import { FrameCompressor } from '../../functions/archive/frame-compressor.ts';

describe('a compressor', () => {
  it('makes a whole frame of every block, with size and checksum, one after another and side by side', async () => {
    const bytes = fc.uint8Array({ maxLength: 5000 }).map((each) => Buffer.from(each));
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 12 }), async (blocks) => {
        const compressor = new FrameCompressor();
        const frames = await Promise.all(blocks.map((block) => compressor.compress(block)));
        for (const [index, frame] of frames.entries()) {
          expect(frameLength(frame)).toBe(frame.length);
          expect(frameHeader(frame, 0)).toMatchObject({ contentSize: blocks[index]?.length, checksum: true });
          expect((await decompressFrame(frame)).equals(blocks[index] ?? Buffer.alloc(1))).toBe(true);
        }
        compressor.close();
      }),
      { numRuns: 40 },
    );
  });

  it('takes a block that is larger than all its buffers, compressible or not', async () => {
    const compressor = new FrameCompressor();
    const { randomBytes } = await import('node:crypto');
    for (const block of [randomBytes(30_000_000), Buffer.alloc(50_000_000, 'row\t')]) {
      const frame = await compressor.compress(block);
      expect(frameHeader(frame, 0)).toMatchObject({ contentSize: block.length });
      expect((await decompressFrame(frame)).equals(block)).toBe(true);
    }
    compressor.close();
  });

  it('rejects what it is asked for after it was closed, and what it was doing', async () => {
    const compressor = new FrameCompressor();
    const running = compressor.compress(Buffer.alloc(20_000_000, 'x'));
    running.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    compressor.close();
    await expect(running).rejects.toThrow('closed');
    await expect(compressor.compress(Buffer.alloc(1))).rejects.toThrow('closed');
  });
});
