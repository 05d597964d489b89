/**
 * A worker thread that runs pg_dump, compiled to WebAssembly, to its end. pg_dump wants every answer of the server
 * before it goes on, so this thread sleeps in `Atomics.wait` while the main thread talks to the socket
 * (run-pg-dump.ts). A bundle of its own, with pg_dump.wasm beside it.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { pgDump } from '@electric-sql/pglite-tools/pg_dump';
import { ownStreams } from './standard-streams.ts';
import { FrontendFraming } from './wire-messages.ts';

export interface PgDumpTask {
  readonly args: readonly string[];
  /** What it reads from standard input. */
  readonly input: string;
  readonly port: MessagePort;
  /** One Int32: 1 as soon as an answer lies in the port. */
  readonly signal: SharedArrayBuffer;
  /** What the server says to the start-up message. */
  readonly startUpAnswer: Uint8Array;
}

export type FromPgDump =
  | { readonly kind: 'ask'; readonly bytes: Uint8Array; readonly answers: number }
  /** Nothing comes back; after the last one the server closes. */
  | { readonly kind: 'tell'; readonly bytes: Uint8Array; readonly last: boolean }
  | {
      readonly kind: 'done';
      readonly text: Uint8Array;
      readonly messages: string;
      readonly failure: string | undefined;
    };

const { args, input, port, signal, startUpAnswer } = workerData as PgDumpTask;
const flag = new Int32Array(signal);
const framing = new FrontendFraming();
// pg_dump begins its messages with the name it was started by
process.argv[1] = 'pg_dump';

/** The part of a database that the wrapper asks of its caller. */
const server = {
  execProtocolRawStream(written: Uint8Array, options: { onRawData: (bytes: Uint8Array) => void }): void {
    const what = framing.push(written);
    if (what === undefined) return;
    if (what === 'encryption') options.onRawData(Buffer.from('N'));
    else if (what === 'start-up') options.onRawData(startUpAnswer);
    else if (what.answers === 0) post({ kind: 'tell', bytes: what.bytes, last: what.last });
    else options.onRawData(ask(what.bytes, what.answers));
  },
  // Before and after pg_dump the wrapper looks after a session that lives on; this one ends
  query: async () => ({ rows: [{ search_path: '' }] }),
  exec: async () => [],
};

function ask(bytes: Buffer, answers: number): Uint8Array {
  Atomics.store(flag, 0, 0);
  post({ kind: 'ask', bytes, answers });
  Atomics.wait(flag, 0, 0);
  return receiveMessageOnPort(port)?.message as Uint8Array;
}

function post(message: FromPgDump, given: ArrayBuffer[] = []): void {
  port.postMessage(message, given);
}

const written = ownStreams(Buffer.from(input));
let failure: string | undefined;
try {
  const file = await pgDump({ pg: server as never, args: [...args] });
  if (file.size > 0) failure = 'pg_dump wrote its output past the recorder';
} catch (error) {
  failure = error instanceof Error ? error.message : String(error);
}
// Stays until it is ended: a worker's exit could overtake its last message
port.once('message', () => {});
const text = written.output();
post({ kind: 'done', text, messages: written.messages(), failure }, [text.buffer]);
