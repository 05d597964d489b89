/** Keeps the end of an output of any length, and cuts it into lines as it comes. */
export class OutputTail {
  readonly #limit: number;
  readonly #onLine: (line: string) => void;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #cut = false;
  #line = '';

  constructor(limit: number, onLine: (line: string) => void) {
    this.#limit = limit;
    this.#onLine = onLine;
  }

  /** `stream` decodes each stream by itself: a character may be cut in two between pieces. */
  add(bytes: Buffer, text: string): void {
    this.#keep(bytes);
    const lines = (this.#line + text).split(/\r?\n/);
    this.#line = (lines.pop() ?? '').slice(-this.#limit);
    for (const line of lines) this.#onLine(line);
  }

  /** The last line may have no end. */
  finish(): void {
    if (this.#line !== '') this.#onLine(this.#line);
    this.#line = '';
  }

  /** The last bytes as text; begins with `…` where something was cut off. */
  text(): string {
    const all = Buffer.concat(this.#kept);
    const start = Math.max(0, all.length - this.#limit);
    // Not in the middle of a character: UTF-8's further bytes are 10xxxxxx.
    let from = start;
    while (from < all.length && from > 0 && ((all[from] ?? 0) & 0xc0) === 0x80) from += 1;
    return `${this.#cut || start > 0 ? '…' : ''}${all.subarray(from).toString('utf8')}`;
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#kept.push(bytes);
    this.#keptBytes += bytes.length;
    for (let first = this.#kept[0]; first !== undefined; first = this.#kept[0]) {
      if (this.#keptBytes - first.length < this.#limit) return;
      this.#keptBytes -= first.length;
      this.#kept.shift();
      this.#cut = true;
    }
  }
}
