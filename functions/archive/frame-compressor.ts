import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { InternalError } from '../errors/usage.ts';
import { compressionLevel, frameLength, frameParameters } from './frame.ts';
import { Spare } from './spare.ts';

/** Compressed bytes come in pieces of this size at most; blocks of rows seldom fill one. */
const pieceBytes = 1024 * 1024;
/** Of the usual level: what two workers use. */
const kept = 4;

/**
 * Makes frames one after another in the thread pool, with one compression context for all of them: making a context
 * and its memory anew costs as much as a quarter of the compression.
 */
export class FrameCompressor {
  readonly #level: number;
  readonly #zstd: ZstdCompress;
  #pieces: Buffer[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #failed: Error | undefined;
  #fail: ((error: Error) => void) | undefined;

  /** One that somebody before was done with, or a new one. */
  static take(level = compressionLevel): FrameCompressor {
    return level === compressionLevel ? spareCompressors.take() : new FrameCompressor(level);
  }

  constructor(level = compressionLevel) {
    this.#level = level;
    // Every write is ended as a frame of its own; zstd takes the content's size from the one call that has all of it
    this.#zstd = createZstdCompress({
      flush: constants.ZSTD_e_end,
      chunkSize: pieceBytes,
      params: frameParameters(level),
    });
    this.#zstd.on('data', (piece: Buffer) => this.#pieces.push(piece));
    this.#zstd.on('error', (error) => this.#end(error));
    this.#zstd.on('close', () => this.#end(new Error('the compressor was closed')));
  }

  /** One frame of exactly this content. Calls are taken one after another. */
  compress(raw: Buffer): Promise<Buffer> {
    const frame = this.#last.then(() => this.#compress(raw));
    this.#last = frame.catch(() => {});
    return frame;
  }

  /** For others to use; all of its frames are made. */
  giveBack(): void {
    if (this.#level === compressionLevel && !this.#failed) spareCompressors.giveBack(this);
    else this.close();
  }

  /** Gives its memory back; what is being compressed is rejected. */
  close(): void {
    this.#zstd.destroy();
  }

  #compress(raw: Buffer): Promise<Buffer> {
    if (this.#failed) return Promise.reject(this.#failed);
    this.#pieces = [];
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#zstd.write(raw, () => {
        const [first, ...more] = this.#pieces;
        const frame = first && more.length === 0 ? first : Buffer.concat(this.#pieces);
        this.#pieces = [];
        if (frameLength(frame) === frame.length) resolve(frame);
        else reject(new InternalError(`the compressor made no whole frame of ${raw.length} bytes`));
      });
    });
  }

  #end(error: Error): void {
    this.#failed ??= error;
    this.#fail?.(this.#failed);
  }
}

const spareCompressors = new Spare(
  kept,
  () => new FrameCompressor(),
  (compressor) => compressor.close(),
);
