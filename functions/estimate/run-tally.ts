import { memoryOf } from './handler-memory.ts';
import { rates } from './rates.ts';
import { type Invocations, invocationsFor, listSchedule } from './schedule.ts';
import type { Work } from './work.ts';

/** What a handler's invocations come to in one run. */
export interface HandlerEstimate {
  readonly handler: string;
  readonly invocations: number;
  /** Of all invocations together. */
  readonly seconds: number;
  readonly gbSeconds: number;
}

/** What one run takes. */
export interface RunEstimate {
  /** From start to end. */
  readonly seconds: number;
  readonly handlers: readonly HandlerEstimate[];
  readonly invocations: number;
  readonly gbSeconds: number;
  /** Of all state machines that take part. */
  readonly transitions: number;
  /** To S3, by their price: GET and HEAD; PUT, COPY, POST and LIST. */
  readonly requests: { readonly gets: number; readonly puts: number };
}

/** Adds a run up, state after state. */
export class RunTally {
  seconds = 0;
  transitions = 0;
  #gets = 0;
  #puts = 0;
  readonly #handlers = new Map<string, { invocations: number; seconds: number }>();

  /** States that only Step Functions is busy with, one after another. */
  pass(states: number): void {
    this.transitions += states;
    this.seconds += states * rates.transitionSeconds;
  }

  /** A state that everything else waits for. */
  step(handler: string, work: Work, looped = false): void {
    const { seconds, count } = this.invoke(handler, work);
    this.seconds += seconds;
    this.pass(looped ? 2 * count : count);
  }

  /**
   * A fan-out whose children run `handler`.
   * @param states that a child enters when one invocation is enough
   * @returns seconds until all are done; they are not added to the run's
   */
  fanOut(handler: string, all: readonly Work[], { jobs, states }: { jobs: number; states: number }): number {
    const seconds = all.map((work) => {
      const invocations = this.invoke(handler, work);
      const entered = states + 2 * (invocations.count - 1);
      this.transitions += entered;
      return rates.childSeconds + invocations.seconds + entered * rates.transitionSeconds;
    });
    return listSchedule(seconds, jobs);
  }

  /** Counts a handler's work, whenever it happens. */
  invoke(handler: string, work: Work): Invocations {
    const invocations = invocationsFor(work.seconds);
    this.count(handler, invocations, work);
    return invocations;
  }

  count(handler: string, { count, seconds }: Invocations, { gets, puts }: Omit<Work, 'seconds'>): void {
    const so = this.#handlers.get(handler) ?? { invocations: 0, seconds: 0 };
    this.#handlers.set(handler, { invocations: so.invocations + count, seconds: so.seconds + seconds });
    this.#gets += gets;
    this.#puts += puts;
  }

  estimate(): RunEstimate {
    const handlers = [...this.#handlers].map(([handler, { invocations, seconds }]) => ({
      handler,
      invocations,
      seconds,
      gbSeconds: (seconds * memoryOf(handler)) / 1024,
    }));
    return {
      seconds: this.seconds,
      handlers,
      invocations: handlers.reduce((sum, { invocations }) => sum + invocations, 0),
      gbSeconds: handlers.reduce((sum, { gbSeconds }) => sum + gbSeconds, 0),
      transitions: this.transitions,
      requests: { gets: this.#gets, puts: this.#puts },
    };
  }
}
