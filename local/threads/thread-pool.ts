import { Worker } from 'node:worker_threads';
import { kindOf, ReplicatorError } from '../../functions/errors/replicator-error.ts';
import { InternalError } from '../../functions/errors/usage.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import type { Answer, Request, ThreadPlaces, ThrownError } from './messages.ts';

interface Waiting {
  readonly surroundings: Surroundings;
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

/** Threads that run handlers; each is started when it is first needed, and ended with the pool. */
export class ThreadPool {
  readonly #places: ThreadPlaces;
  readonly #size: number;
  readonly #threads: Thread[] = [];

  /** @param size threads at most */
  constructor(places: ThreadPlaces, size: number) {
    this.#places = places;
    this.#size = size;
  }

  /** Runs a handler on the thread that has the least to do. @throws what it throws, of the same code and message */
  async run(handler: string, input: unknown, surroundings: Surroundings): Promise<unknown> {
    return this.#least().run(handler, input, surroundings);
  }

  #least(): Thread {
    const alive = this.#threads.filter((thread) => !thread.ended);
    const idle = alive.find((thread) => thread.running === 0);
    if (idle) return idle;
    if (alive.length < this.#size) {
      const thread = new Thread(this.#places);
      this.#threads.push(thread);
      return thread;
    }
    return alive.reduce((least, each) => (each.running < least.running ? each : least));
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  ended = false;

  constructor(places: ThreadPlaces) {
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: places, stdin: false });
    this.#worker.unref();
    this.#worker.on('message', (answer: Answer) => this.#take(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new InternalError(`a thread ended with code ${code}`)));
  }

  get running(): number {
    return this.#waiting.size;
  }

  async run(handler: string, input: unknown, surroundings: Surroundings): Promise<unknown> {
    const { signal } = surroundings;
    this.#last += 1;
    const id = this.#last;
    const ask = (request: Request) => this.#worker.postMessage(request);
    const abort = () => ask({ kind: 'abort', id, reason: messageOf(signal.reason) });
    signal.addEventListener('abort', abort, { once: true });
    // A run that waits for a thread must not end before it
    this.#worker.ref();
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, { surroundings, resolve, reject });
        ask({
          kind: 'run',
          id,
          handler,
          input,
          remainingMs: surroundings.remainingMs(),
        });
        if (signal.aborted) abort();
      });
    } finally {
      this.#waiting.delete(id);
      if (this.running === 0) this.#worker.unref();
      signal.removeEventListener('abort', abort);
    }
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.#worker.terminate();
  }

  #take(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (!waiting) return;
    const { progress, signal } = waiting.surroundings;
    if (answer.kind === 'advance') progress.advance(answer.amounts);
    else if (answer.kind === 'expect') progress.expect(answer.amounts);
    else if (answer.kind === 'warn') progress.warn(answer.message);
    else if (answer.kind === 'done') waiting.resolve(answer.output);
    else if (answer.kind === 'failed')
      waiting.reject(signal.aborted ? signal.reason : asThrown(answer.error));
  }

  #fail(error: unknown): void {
    this.ended = true;
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

function asThrown({ name, message, stack }: ThrownError): Error {
  const kind = kindOf(name);
  const error = kind ? new ReplicatorError(kind, message) : Object.assign(new Error(message), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
