import type { Progress } from '../../functions/run/progress.ts';
import type { Io } from '../io.ts';
import { redact } from '../redact.ts';
import { printable } from '../text/printable.ts';
import { bytes, count, duration } from '../text/quantities.ts';
import { Meter } from './meter.ts';
import { StatusLine } from './status-line.ts';

/** What one state of a machine took, from its first entry to its last exit; `runs` are a Map's children added up. */
export interface StateTime {
  readonly machine: string;
  readonly state: string;
  readonly runs: number;
  readonly milliseconds: number;
}

interface Timing {
  machine: string;
  state: string;
  runs: number;
  active: number;
  firstAt: number;
  lastAt: number;
}

/**
 * Shows a run while it goes on and remembers what it said. On a terminal: one line with the states that work now,
 * bytes, rows, rate, share and time left. Elsewhere warnings only.
 */
export class RunDisplay implements Progress {
  readonly warnings: string[] = [];
  #meter = new Meter();
  #machine = '';
  readonly #timings = new Map<string, Timing>();
  readonly #line: StatusLine;
  readonly #now: () => number;

  constructor(io: Pick<Io, 'stderr'>, quiet: boolean, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#line = new StatusLine(io.stderr, !quiet, () => this.text());
  }

  advance(done: { bytes?: number; rows?: number; files?: number }): void {
    this.#meter.advance(done, this.#now());
  }

  expect(total: { bytes?: number; rows?: number; files?: number }): void {
    this.#meter.expect(total);
  }

  /** Workers and attempts may all have the same to say: once is enough. */
  warn(message: string): void {
    const text = redact(message);
    if (this.warnings.includes(text)) return;
    this.warnings.push(text);
    this.#line.print(`replicator: warning: ${printable(text)}`);
  }

  measure(): void {}

  /** Amounts begin at nothing when another machine takes over. */
  stateEntered(machine: string, state: string): void {
    if (machine !== this.#machine && machine !== 'clean-up') {
      this.#machine = machine;
      this.#meter = new Meter();
    }
    const now = this.#now();
    const timing = this.#timings.get(`${machine} ${state}`);
    if (timing) {
      timing.runs++;
      timing.active++;
    } else
      this.#timings.set(`${machine} ${state}`, {
        machine,
        state,
        runs: 1,
        active: 1,
        firstAt: now,
        lastAt: now,
      });
  }

  stateLeft(machine: string, state: string): void {
    const timing = this.#timings.get(`${machine} ${state}`);
    if (!timing) return;
    timing.active = Math.max(0, timing.active - 1);
    timing.lastAt = this.#now();
  }

  /** An attempt that failed is made again: the state goes on. */
  stateRepeated(machine: string, state: string): void {
    const timing = this.#timings.get(`${machine} ${state}`);
    if (timing) timing.active++;
  }

  /** Of one machine's states, in the order of their first entry. */
  times(machine: string): StateTime[] {
    return this.#timingsOf(machine).map(({ state, runs, firstAt, lastAt }) => ({
      machine,
      state,
      runs,
      milliseconds: lastAt - firstAt,
    }));
  }

  /** Milliseconds from the machine's first state to the end of its last. */
  span(machine: string): number {
    const timings = this.#timingsOf(machine);
    if (timings.length === 0) return 0;
    return (
      Math.max(...timings.map(({ lastAt }) => lastAt)) - Math.min(...timings.map(({ firstAt }) => firstAt))
    );
  }

  /** `backup · CopyShard ×2 · 41.0 MB of about 90.0 MB (46%) · 12,345 rows · 30.0 MB/s · 2.0 s left` */
  text(): string {
    const now = this.#now();
    const meter = this.#meter;
    const states = [...this.#timings.values()]
      .filter((timing) => timing.active > 0)
      .map((timing) => (timing.active > 1 ? `${timing.state} ×${timing.active}` : timing.state));
    const fraction = meter.fraction();
    const rate = meter.rate(now);
    const remaining = meter.remaining(now);
    // A backup plans by pages, and rows as text are larger or smaller
    const about = this.#machine === 'backup' ? 'about ' : '';
    const of =
      fraction === undefined
        ? ''
        : ` of ${about}${bytes(meter.bytes.expected)} (${Math.floor(fraction * 100)}%)`;
    return [
      this.#machine,
      states.join(', '),
      meter.bytes.done > 0 ? `${bytes(meter.bytes.done)}${meter.bytes.expected > 0 ? of : ''}` : '',
      meter.rows.done > 0 ? `${count(meter.rows.done)} rows` : '',
      meter.files.done > 0 ? `${count(meter.files.done)} files` : '',
      rate === undefined ? '' : `${bytes(rate)}/s`,
      remaining === undefined ? '' : `${duration(Math.max(1000, remaining))} left`,
    ]
      .filter(Boolean)
      .join(' · ');
  }

  /** For questions: the line stays away until `work` has ended. */
  pauseFor<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#line.pauseFor(work);
  }

  end(): void {
    this.#line.end();
  }

  #timingsOf(machine: string): Timing[] {
    return [...this.#timings.values()].filter((timing) => timing.machine === machine);
  }
}
