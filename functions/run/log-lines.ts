import type { Progress } from './progress.ts';

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: 'INFO' | 'WARN' | 'ERROR' };

/** One line of JSON on standard output, which is what CloudWatch Logs takes fields from. */
export function writeLogLine(line: LogLine): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}

/** Progress of a handler on Lambda: warnings at once, work as one sum at the end. */
export class LoggedProgress implements Progress {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #done = { bytes: 0, rows: 0, files: 0 };

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  advance({ bytes = 0, rows = 0, files = 0 }: { bytes?: number; rows?: number; files?: number }): void {
    this.#done.bytes += bytes;
    this.#done.rows += rows;
    this.#done.files += files;
  }

  expect(): void {}

  warn(message: string): void {
    writeLogLine({ level: 'WARN', ...this.#fields, message });
  }

  /** What was done since the beginning. */
  get sum(): Readonly<{ bytes: number; rows: number; files: number }> {
    return this.#done;
  }
}
