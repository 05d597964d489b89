import type { MetricName } from '../run/metric-names.ts';
import type { Progress } from '../run/progress.ts';
import type { InvocationLog } from './log.ts';
import { InvocationMetrics } from './metrics.ts';
import { type Work, workMetrics } from './work-metrics.ts';

/** Progress of a handler on Lambda: warnings as log lines at once, work and measurements as metrics every minute. */
export class LambdaProgress implements Progress {
  readonly #log: InvocationLog;
  readonly #metrics: InvocationMetrics;
  readonly #done = { bytes: 0, rows: 0, files: 0 };

  constructor(handler: string, log: InvocationLog) {
    this.#log = log;
    let told: Work = { bytes: 0, rows: 0, files: 0 };
    this.#metrics = new InvocationMetrics((metrics) => {
      const { bytes, rows, files } = this.#done;
      const since = { bytes: bytes - told.bytes, rows: rows - told.rows, files: files - told.files };
      told = { bytes, rows, files };
      for (const [name, amount] of workMetrics(handler, since)) metrics.add(name, amount);
    });
  }

  advance({ bytes = 0, rows = 0, files = 0 }: Partial<Work>): void {
    this.#done.bytes += bytes;
    this.#done.rows += rows;
    this.#done.files += files;
  }

  expect(): void {}

  warn(message: string): void {
    this.#log.warn(message);
  }

  measure(name: MetricName, value: number): void {
    this.#metrics.add(name, value);
  }

  /** What was done since the beginning. */
  get sum(): Work {
    return this.#done;
  }

  /** Publishes what is not published yet. */
  end(): void {
    this.#metrics.end();
  }
}
