import { createHash } from 'node:crypto';
import type { RowsObject } from '../../functions/rows/copy-shard.ts';

/** A working object without frames in memory: its offsets are those of the text. */
export class TextObject implements RowsObject {
  readonly pieces: Buffer[] = [];
  /** Of the piece appended last, for tests that stop in the middle. */
  onAppend: (() => Promise<void>) | undefined;
  aborted: unknown;
  #length = 0;
  #chunk: { offset: number; from: number; rows: number; appended: number } | undefined;

  get text(): string {
    return Buffer.concat(this.pieces).toString();
  }

  async write(text: string): Promise<void> {
    if (this.#chunk) throw new TypeError('a chunk is open');
    this.#push(Buffer.from(text));
  }

  beginChunk(): void {
    this.#chunk = { offset: this.#length, from: this.pieces.length, rows: 0, appended: 0 };
  }

  async append(rows: Buffer, rowCount: number): Promise<void> {
    if (!this.#chunk) throw new TypeError('no chunk is open');
    this.#chunk.rows += rowCount;
    this.#chunk.appended += 1;
    this.#push(Buffer.from(rows));
    await this.onAppend?.();
  }

  async endChunk() {
    if (!this.#chunk) throw new TypeError('no chunk is open');
    const { offset, from, rows, appended } = this.#chunk;
    this.#chunk = undefined;
    const bytes = Buffer.concat(this.pieces.slice(from));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { offset, length: bytes.length, rawBytes: bytes.length, frames: appended, rows, sha256 };
  }

  async finish() {
    return { object: 'runs/test', etag: '"test"', size: this.#length, crc32: '00000000' };
  }

  async abort(reason?: unknown): Promise<void> {
    this.aborted = reason;
  }

  #push(bytes: Buffer): void {
    this.pieces.push(bytes);
    this.#length += bytes.length;
  }
}
