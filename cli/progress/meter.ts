/** How much of one kind of thing is done, out of how much. */
interface Amount {
  done: number;
  expected: number;
}

const windowMs = 10_000;
const sampleMs = 250;

/** Adds up what is done; the rate is of the last ten seconds. No clock of its own: `now` is in milliseconds. */
export class Meter {
  readonly bytes: Amount = { done: 0, expected: 0 };
  readonly rows: Amount = { done: 0, expected: 0 };
  readonly files: Amount = { done: 0, expected: 0 };
  #samples: { at: number; bytes: number }[] = [];

  advance(done: { bytes?: number; rows?: number; files?: number }, now: number): void {
    this.bytes.done += done.bytes ?? 0;
    this.rows.done += done.rows ?? 0;
    this.files.done += done.files ?? 0;
    const last = this.#samples.at(-1);
    if (!last || now - last.at >= sampleMs) this.#samples.push({ at: now, bytes: this.bytes.done });
    this.#forget(now);
  }

  expect(total: { bytes?: number; rows?: number; files?: number }): void {
    this.bytes.expected += total.bytes ?? 0;
    this.rows.expected += total.rows ?? 0;
    this.files.expected += total.files ?? 0;
  }

  /** Bytes a second; undefined until there is something to tell. */
  rate(now: number): number | undefined {
    this.#forget(now);
    const first = this.#samples[0];
    if (!first || now - first.at < 1000 || this.bytes.done === first.bytes) return undefined;
    return ((this.bytes.done - first.bytes) * 1000) / (now - first.at);
  }

  /** From 0 to 1; undefined where the total is unknown or was estimated too low. */
  fraction(): number | undefined {
    const { done, expected } = this.bytes.expected > 0 ? this.bytes : this.rows;
    return expected > 0 && done <= expected ? done / expected : undefined;
  }

  /** Milliseconds; undefined where it would be a guess. */
  remaining(now: number): number | undefined {
    const rate = this.rate(now);
    const left = this.bytes.expected - this.bytes.done;
    return rate && left > 0 ? (left * 1000) / rate : undefined;
  }

  #forget(now: number): void {
    while (this.#samples[1] && now - this.#samples[1].at >= windowMs) this.#samples.shift();
  }
}
