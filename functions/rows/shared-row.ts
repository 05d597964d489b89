import { needRoom } from '../archive/memory-room.ts';

/** Memory for the rows that slices share; what is larger is a block of its own and goes with its row. */
const keptBytes = 1024 * 1024;
/** Its bytes, and its frame in pieces and as a whole: half of it each for hexadecimal digits, which little shrinks less than. */
const memoryOfRow = 2.2;

/**
 * Puts together the row that slices share. Small ones come to lie in memory that is used again and again: a new buffer
 * for each costs more in garbage collection than the rows themselves.
 */
export class SharedRow {
  readonly #table: string;
  #memory = Buffer.alloc(0);
  #used = 0;

  /** @param table for messages */
  constructor(table: string) {
    this.#table = table;
  }

  get empty(): boolean {
    return this.#used === 0;
  }

  /**
   * @param missing bytes of the row still to come, where that is known: room is made for all of them at once
   * @throws RowTooLarge
   */
  add(bytes: Buffer, missing = 0): void {
    const needed = this.#used + bytes.length;
    if (needed > this.#memory.length) this.#grow(Math.max(needed + missing, 2 * this.#memory.length));
    bytes.copy(this.#memory, this.#used);
    this.#used = needed;
  }

  /** The row, lent until the next one begins; or `given`, for good. */
  take(): { readonly bytes: Buffer; readonly given: boolean } {
    const bytes = this.#memory.subarray(0, this.#used);
    const given = this.#memory.length > keptBytes;
    if (given) this.#memory = Buffer.alloc(0);
    this.#used = 0;
    return { bytes, given };
  }

  #grow(size: number): void {
    needRoom(`a row of ${this.#table}`, size, memoryOfRow);
    const memory = Buffer.allocUnsafeSlow(size <= keptBytes ? keptBytes : size);
    this.#memory.copy(memory, 0, 0, this.#used);
    this.#memory = memory;
  }
}
