import { DamagedBackup } from './errors.ts';
import { blockHeader, decompressFrame, frameHeader, headerAtMost } from './frame.ts';
import { freeMemory } from './free-memory.ts';

/**
 * Cuts a stream of zstd frames, one after another, into whole frames, in any slices that it arrives in.
 * Memory: one frame and one slice. Throws `DamagedBackup` for what is no frame or ends within one.
 */
export async function* readFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const cutter = new FrameCutter();
  for await (const slice of source) {
    cutter.add(slice);
    for (let frame = cutter.take(); frame; frame = cutter.take()) yield frame;
  }
  if (cutter.left > 0) throw new DamagedBackup(`it ends within a zstd frame, ${cutter.left} bytes into it`);
}

/** Holds slices and walks the headers in them; every slice is looked at once. */
class FrameCutter {
  #slices: Buffer[] = [];
  left = 0;
  /** Where the walk has come to, from the beginning of the frame; undefined: at its header. */
  #at: number | undefined;
  #checksum = false;
  #last = false;

  add(slice: Buffer): void {
    if (slice.length === 0) return;
    this.#slices.push(slice);
    this.left += slice.length;
  }

  /** The next whole frame, if it is there. */
  take(): Buffer | undefined {
    if (!this.#walk() || this.#at === undefined || this.#at > this.left) return undefined;
    const frame = this.#shift(this.#at);
    this.#at = undefined;
    return frame;
  }

  /** Goes on to the end of the frame; false when more bytes are needed to know where that is. */
  #walk(): boolean {
    if (this.#at === undefined) {
      const header = frameHeader(this.#peek(0, Math.min(headerAtMost, this.left)), 0);
      if (!header) return false;
      this.#at = header.length + header.skipped;
      this.#checksum = header.checksum;
      this.#last = header.kind === 'skippable';
    }
    while (!this.#last) {
      if (this.#at + 3 > this.left) return false;
      const block = blockHeader(this.#peek(this.#at, 3).readUIntLE(0, 3));
      this.#at += 3 + block.stored;
      if (!block.last) continue;
      this.#last = true;
      if (this.#checksum) this.#at += 4;
    }
    return true;
  }

  /** `length` bytes at `offset`; looks from the end, near which the walk is. */
  #peek(offset: number, length: number): Buffer {
    let index = this.#slices.length - 1;
    let start = this.left - (this.#slices[index]?.length ?? 0);
    while (start > offset) {
      index -= 1;
      start -= this.#slices[index]?.length ?? 0;
    }
    const bytes = this.#slices[index]?.subarray(offset - start, offset - start + length) ?? Buffer.alloc(0);
    if (bytes.length === length) return bytes;
    const parts = [bytes];
    for (let missing = length - bytes.length; missing > 0; ) {
      index += 1;
      const more = this.#slices[index]?.subarray(0, missing) ?? Buffer.alloc(0);
      parts.push(more);
      missing -= more.length;
    }
    return Buffer.concat(parts);
  }

  #shift(length: number): Buffer {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const slice = this.#slices[0];
      if (!slice) throw new TypeError('fewer bytes than counted');
      if (slice.length <= missing) {
        parts.push(slice);
        this.#slices.shift();
        missing -= slice.length;
      } else {
        parts.push(slice.subarray(0, missing));
        this.#slices[0] = slice.subarray(missing);
        missing = 0;
      }
    }
    this.left -= length;
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }
}

/**
 * Decompresses frames, up to `parallel` of them at the same time in the thread pool, and keeps their order.
 * Memory: `parallel` frames and their contents.
 * @param lent a content is the reader's until it asks for the next one; then its memory is given back
 */
export async function* decompressFrames(
  frames: AsyncIterable<Buffer>,
  parallel: number,
  lent = false,
): AsyncGenerator<Buffer, void, undefined> {
  const begun: Promise<Buffer>[] = [];
  const give = async function* () {
    const content = await begun.shift();
    if (!content) return;
    yield content;
    if (lent) freeMemory(content);
  };
  for await (const frame of frames) {
    const content = decompressFrame(frame);
    // Seen when its turn comes, or never when an earlier one fails.
    content.catch(() => {});
    begun.push(content);
    if (begun.length >= parallel) yield* give();
  }
  while (begun.length > 0) yield* give();
}
