import type { MetricName } from './metric-names.ts';

/**
 * What a domain module tells while it works. It never throws and never waits.
 * Implementations: a terminal (cli/), log lines and metrics (Lambda), silence (tests).
 */
export interface Progress {
  /** Work done since the last call; `bytes` are uncompressed bytes of rows or files. */
  advance(done: { bytes?: number; rows?: number; files?: number }): void;
  /** How much there will be, as far as it is known; `bytes` may be an estimate. */
  expect(total: { bytes?: number; rows?: number; files?: number }): void;
  /** Something that a person should read although the run goes on. */
  warn(message: string): void;
  /** A number to be watched over time; on one machine nobody watches. */
  measure(name: MetricName, value: number): void;
}

export const silence: Progress = { advance() {}, expect() {}, warn() {}, measure() {} };
