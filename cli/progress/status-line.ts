import type { Output } from '../io.ts';

const redrawMs = 120;

/** One line of a terminal that is written over and over; other lines appear above it. */
export class StatusLine {
  readonly #output: Output;
  readonly #text: () => string;
  readonly #timer: NodeJS.Timeout | undefined;
  #drawn = false;
  #paused = false;

  /** @param text asked for at each redraw; not called at all where `output` is no terminal or `shown` is false */
  constructor(output: Output, shown: boolean, text: () => string) {
    this.#output = output;
    this.#text = text;
    if (!shown || !output.isTTY) return;
    this.#timer = setInterval(() => this.#draw(), redrawMs);
    this.#timer.unref();
  }

  /** Prints a line of its own. */
  print(line: string): void {
    this.#erase();
    this.#output.write(`${line}\n`);
  }

  /** Leaves the terminal to somebody else while `work` goes on. */
  async pauseFor<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#erase();
    this.#paused = true;
    try {
      return await work();
    } finally {
      this.#paused = false;
    }
  }

  /** Erases the line; nothing is drawn any more. */
  end(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #draw(): void {
    if (this.#paused) return;
    const text = [...this.#text()].slice(0, Math.max(10, (this.#output.columns ?? 80) - 1)).join('');
    this.#output.write(`\r\u001b[K${text}`);
    this.#drawn = text !== '';
  }

  #erase(): void {
    if (this.#drawn) this.#output.write('\r\u001b[K');
    this.#drawn = false;
  }
}
