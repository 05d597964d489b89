import { crc32 } from 'node:zlib';

/** A stream of bytes, taken in stretches; counts and checks what has come by. */
export class ByteSource {
  readonly #slices: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes taken so far. */
  position = 0;
  /** CRC-32 of all that has been taken. */
  crc = 0;

  constructor(slices: AsyncIterable<Buffer>) {
    this.#slices = slices[Symbol.asyncIterator]();
  }

  /** The next bytes up to `end`, or as many of them as the caller's loop wants. */
  async *takeTo(end: number): AsyncGenerator<Buffer, void, undefined> {
    while (this.position < end) {
      if (this.#rest.length === 0) {
        const next = await this.#slices.next();
        if (next.done) return;
        this.#rest = next.value;
      }
      const slice = this.#rest.subarray(0, end - this.position);
      this.#rest = this.#rest.subarray(slice.length);
      this.position += slice.length;
      this.crc = crc32(slice, this.crc);
      yield slice;
    }
  }

  async skipTo(end: number): Promise<void> {
    for await (const _ of this.takeTo(end));
  }

  async close(): Promise<void> {
    await this.#slices.return?.();
  }
}
