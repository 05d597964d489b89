import { blockBytes } from './frame.ts';
import { freeMemory } from './free-memory.ts';
import { Spare } from './spare.ts';

/** Of blocks of the usual size: what two workers have on their way. */
const blocksKept = 8;
const spareBlocks = new Spare<Buffer>(blocksKept, () => Buffer.allocUnsafeSlow(blockBytes), freeMemory);

/** Rows on their way to become a frame. */
export interface Block {
  readonly bytes: Buffer;
  /** Called when the bytes are needed no more: their memory is used again. */
  release(): void;
}

/**
 * Gathers pieces that must not be cut into blocks of a bounded size. Bytes are copied once, into memory that is used
 * again and again: fresh memory for every block costs more than the copying.
 */
export class BlockBuilder {
  readonly #blockBytes: number;
  #buffer: Buffer | undefined;
  #used = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  get empty(): boolean {
    return this.#used === 0;
  }

  get full(): boolean {
    return this.#used >= this.#blockBytes;
  }

  /** false: the block has to be taken first, or the piece is a block of its own. */
  fits(piece: Buffer): boolean {
    return this.#used + piece.length <= this.#blockBytes;
  }

  add(piece: Buffer): void {
    this.#buffer ??=
      this.#blockBytes === blockBytes ? spareBlocks.take() : Buffer.allocUnsafeSlow(this.#blockBytes);
    piece.copy(this.#buffer, this.#used);
    this.#used += piece.length;
  }

  /** The block gathered so far; the next piece begins another. */
  take(): Block | undefined {
    const buffer = this.#buffer;
    if (!buffer || this.#used === 0) return undefined;
    const bytes = buffer.subarray(0, this.#used);
    this.#buffer = undefined;
    this.#used = 0;
    return { bytes, release: () => this.#release(buffer) };
  }

  #release(buffer: Buffer): void {
    if (buffer.length === blockBytes) spareBlocks.giveBack(buffer);
    else freeMemory(buffer);
  }
}
