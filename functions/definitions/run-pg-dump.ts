import './webassembly.ts';
import { existsSync } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ConnectionLost } from '../postgres/errors.ts';
import type { TakenOverConnection } from '../postgres/session.ts';
import { DefinitionsFailed } from './errors.ts';
import type { FromPgDump, PgDumpTask } from './pg-dump-worker.ts';
import { BackendFraming, startUpAnswer } from './wire-messages.ts';

/** pg_dump looks for the file it was started from; there is none. */
const noFile = 'could not find a "pg_dump" to execute';

const notUtf8 =
  ' (the database holds names or definitions that are not UTF-8, as SQL_ASCII databases may: rename or convert them first)';

export interface PgDumpOutput {
  readonly text: Buffer;
  /** pg_dump's warnings, one a line. */
  readonly warnings: readonly string[];
}

export interface PgDumpOptions {
  /** What it reads from standard input, such as a filter file (`--filter=-`). */
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs pg_dump 18 over a connection that has left its driver. The socket is closed when this returns or throws.
 * @param args options as on pg_dump's command line; none that connect, none that name a file, and not many: they lie on
 *   its stack, which is 64 KiB
 * @throws DefinitionsFailed with pg_dump's own message, ConnectionLost, or the signal's reason
 */
export async function runPgDump(
  connection: TakenOverConnection,
  args: readonly string[],
  { input = '', signal }: PgDumpOptions = {},
): Promise<PgDumpOutput> {
  const { socket } = connection;
  const channel = new MessageChannel();
  const flag = new SharedArrayBuffer(4);
  const task: PgDumpTask = {
    args,
    input,
    port: channel.port2,
    signal: flag,
    startUpAnswer: startUpAnswer(connection),
  };
  let worker: Worker | undefined;
  try {
    signal?.throwIfAborted();
    worker = new Worker(workerFile(), { workerData: task, transferList: [channel.port2], stdin: false });
    return await conversation(connection, channel.port1, flag, worker, signal);
  } finally {
    await worker?.terminate();
    channel.port1.close();
    socket.destroy();
  }
}

/** Beside this module: bundled on Lambda, TypeScript in the project. */
function workerFile(): URL {
  const candidates = ['./pg-dump-worker.mjs', './pg-dump-worker.ts'].map(
    (name) => new URL(name, import.meta.url),
  );
  const found = candidates.find((file) => existsSync(file));
  if (!found) throw new DefinitionsFailed(`pg_dump's worker is missing: there is no ${candidates[0]?.href}`);
  return found;
}

function conversation(
  { socket }: TakenOverConnection,
  port: MessagePort,
  flag: SharedArrayBuffer,
  worker: Worker,
  signal: AbortSignal | undefined,
): Promise<PgDumpOutput> {
  const framing = new BackendFraming();
  let arrived: Buffer[] = [];
  let answersLeft = 0;
  let leaving = false;

  const { promise, resolve, reject } = Promise.withResolvers<PgDumpOutput>();
  const lost = (cause?: unknown) => {
    if (leaving) return;
    reject(
      new ConnectionLost(
        `the connection to PostgreSQL was lost while pg_dump read the definitions${framing.lastError ? `: ${framing.lastError}` : ''}`,
        { cause },
      ),
    );
  };
  const aborted = () => reject(signal?.reason);

  const answer = () => {
    const bytes = new Uint8Array(Buffer.concat(arrived));
    arrived = [];
    port.postMessage(bytes, [bytes.buffer]);
    Atomics.store(new Int32Array(flag), 0, 1);
    Atomics.notify(new Int32Array(flag), 0);
  };
  socket.on('data', (bytes: Buffer) => {
    arrived.push(bytes);
    const before = answersLeft;
    answersLeft -= framing.push(bytes);
    if (before > 0 && answersLeft <= 0) answer();
  });
  socket.on('error', lost);
  socket.on('close', () => lost());
  if (socket.destroyed) lost();

  port.on('message', (message: FromPgDump) => {
    if (message.kind === 'done') return finish(message, resolve, reject);
    if (message.kind === 'ask') answersLeft = message.answers;
    else leaving = message.last;
    if (socket.writable) socket.write(message.bytes);
  });
  worker.on('error', (cause) => reject(new DefinitionsFailed(`pg_dump broke down: ${cause}`, { cause })));
  worker.on('exit', (code) => reject(new DefinitionsFailed(`pg_dump's worker ended early (${code})`)));
  signal?.addEventListener('abort', aborted, { once: true });
  return promise.finally(() => signal?.removeEventListener('abort', aborted));
}

function finish(
  done: Extract<FromPgDump, { kind: 'done' }>,
  resolve: (output: PgDumpOutput) => void,
  reject: (reason: unknown) => void,
): void {
  const lines = done.messages.split('\n').filter((line) => line !== '' && line !== noFile);
  if (done.failure === undefined) resolve({ text: asBuffer(done.text), warnings: lines });
  else {
    const said = lines.length > 0 ? lines.map(brief).join('; ') : done.failure;
    const hint = /invalid byte sequence/.test(said) ? notUtf8 : '';
    reject(new DefinitionsFailed(`the definitions could not be read: ${said}${hint}`));
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** pg_dump shows the whole query that failed, which may name every table there is. */
function brief(line: string): string {
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
