import { parentPort, workerData } from 'node:worker_threads';
import { handlers } from '../../functions/handlers/handlers.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Progress } from '../../functions/run/progress.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import { openStore } from '../../functions/store/open-store.ts';
import type { Amounts, Answer, Request, ThreadPlaces } from './messages.ts';

/** A thread that runs handlers of a Map's children: everything around them is its own, but for what they tell. */

const port = parentPort;
if (!port) throw new Error('this file is a thread of the local runner');
const places = workerData as ThreadPlaces;
const say = (answer: Answer) => port.postMessage(answer);
const running = new Map<number, AbortController>();

port.on('message', (request: Request) => {
  if (request.kind === 'abort') running.get(request.id)?.abort(new Error(request.reason));
  else void run(request);
});

async function run(request: Extract<Request, { kind: 'run' }>): Promise<void> {
  const { id, handler, input } = request;
  const controller = new AbortController();
  running.set(id, controller);
  const progress = new GatheredProgress(id);
  try {
    const work = handlers[handler as keyof typeof handlers];
    const output = await work(input, await surroundings(request, controller.signal, progress));
    progress.tell();
    say({ kind: 'done', id, output });
  } catch (thrown) {
    progress.tell();
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    say({ kind: 'failed', id, error: { name: error.name, message: error.message, stack: error.stack } });
  } finally {
    running.delete(id);
    progress.end();
  }
}

async function surroundings(
  { remainingMs }: Extract<Request, { kind: 'run' }>,
  signal: AbortSignal,
  progress: Progress,
): Promise<Surroundings> {
  const end = performance.now() + remainingMs;
  const { source, target, sourceMedia, targetMedia, maskKey } = places;
  return {
    store: openStore(places.store),
    ...(source !== undefined && { source: await openDatabase(source, '--source') }),
    ...(target !== undefined && { target: await openDatabase(target, '--target') }),
    ...(sourceMedia !== undefined && { sourceMedia }),
    ...(targetMedia !== undefined && { targetMedia }),
    ...(maskKey !== undefined && { maskKey }),
    allowSource: false,
    confirmTarget: async () => false,
    isAlive: async () => undefined,
    owner: { kind: 'execution', arn: 'thread' },
    progress,
    signal,
    remainingMs: () => Math.max(0, end - performance.now()),
  };
}

const everyMs = 100;

/** Amounts are told a few times a second: workers advance thousands of times. */
class GatheredProgress implements Progress {
  readonly #id: number;
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #rows = 0;
  #files = 0;

  constructor(id: number) {
    this.#id = id;
    this.#timer = setInterval(() => this.tell(), everyMs).unref();
  }

  advance({ bytes = 0, rows = 0, files = 0 }: Amounts): void {
    this.#bytes += bytes;
    this.#rows += rows;
    this.#files += files;
  }

  expect(amounts: Amounts): void {
    say({ kind: 'expect', id: this.#id, amounts });
  }

  warn(message: string): void {
    say({ kind: 'warn', id: this.#id, message });
  }

  measure(): void {}

  tell(): void {
    const amounts = { bytes: this.#bytes, rows: this.#rows, files: this.#files };
    if (Object.values(amounts).every((amount) => amount === 0)) return;
    say({ kind: 'advance', id: this.#id, amounts });
    this.#bytes = 0;
    this.#rows = 0;
    this.#files = 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
