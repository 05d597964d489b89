import { randomUUID } from 'node:crypto';
import type { MachineName } from './machine-names.ts';

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED';

/** One execution of a machine on this host, with what Step Functions would know of it. */
export class Execution {
  readonly machine: MachineName;
  readonly name = randomUUID();
  readonly arn: string;
  readonly startDate = new Date();
  /** What was started and isn't waited for: the keeper's machine, and the keeper. */
  readonly background: Background;
  status: ExecutionStatus = 'RUNNING';
  /** The run that the first state made of this execution. */
  runId: string | undefined;
  cleanedUp = false;
  /** What was thrown in the state that led to the failure path. */
  caught: unknown;
  #lastThrown = new Map<string, unknown>();

  constructor(machine: MachineName, signal: AbortSignal) {
    this.machine = machine;
    this.arn = `arn:aws:states:local:000000000000:execution:${pascal(machine)}:${this.name}`;
    this.background = new Background(signal);
  }

  /** The context object's `Execution`. */
  get context(): Readonly<Record<string, unknown>> {
    return { Id: this.arn, Name: this.name };
  }

  noteThrown(state: string, original: unknown): void {
    this.#lastThrown.set(state, original);
  }

  noteCaught(state: string): void {
    this.caught = this.#lastThrown.get(state) ?? this.caught;
  }
}

/** Work beside an execution, which ends with it. */
class Background {
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<unknown>>();

  constructor(outer: AbortSignal) {
    this.#signal = AbortSignal.any([outer, this.#controller.signal]);
  }

  /** Starts work and goes on; what it throws is its own business. */
  start(work: (signal: AbortSignal) => Promise<unknown>): void {
    const running = work(this.#signal).catch(() => undefined);
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  /** Signals everything to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#controller.abort();
    await Promise.all(this.#running);
  }
}

/** `keep-snapshot` → `KeepSnapshot` */
function pascal(name: string): string {
  return name.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
