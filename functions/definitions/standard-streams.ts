/** What a program compiled to WebAssembly has written. */
export interface Written {
  /** Bytes written to files, in order. */
  output(): Uint8Array<ArrayBuffer>;
  /** Text written to standard output and standard error. */
  messages(): string;
}

type Imports = Record<string, Record<string, unknown>>;
/** Of bytes in vectors of the program's memory; says how many, and returns an error's number. */
type Transfer = (fd: number, vectors: number, count: number, done: number) => number;

/** What is used of the global `WebAssembly`, which @types/node declares in part. */
interface Instantiating {
  instantiate(binary: Uint8Array, imports: Imports): Promise<unknown>;
}

const standardInput = 0;
const standardError = 2;

/**
 * Takes the place of the system calls `fd_write` and `fd_read` (WASI, `wasi_snapshot_preview1`) in the next program
 * that this thread instantiates. Everything it writes is kept here and nothing reaches its file system. So a definition
 * arrives byte by byte as pg_dump wrote it, while the wrapper around it would delete lines that begin with `\restrict`,
 * decode what isn't UTF-8 to something else, and throw pg_dump's warnings away.
 * @param input what it finds on standard input
 */
export function ownStreams(input: Uint8Array): Written {
  const output: Buffer[] = [];
  const messages: Buffer[] = [];
  const wasm = (globalThis as unknown as { WebAssembly: Instantiating }).WebAssembly;
  const { instantiate } = wasm;

  wasm.instantiate = (binary, imports) => {
    wasm.instantiate = instantiate;
    const memory = imports.env?.memory as { readonly buffer: ArrayBuffer };
    const system = imports.wasi_snapshot_preview1 ?? {};
    /** Moves the bytes of every vector, and tells the program how many they were. */
    const each = (
      vectors: number,
      count: number,
      done: number,
      move: (at: number, length: number) => number,
    ) => {
      const view = new DataView(memory.buffer);
      let total = 0;
      for (let vector = vectors; vector < vectors + 8 * count; vector += 8)
        total += move(view.getUint32(vector, true), view.getUint32(vector + 4, true));
      view.setUint32(done, total, true);
      return 0;
    };
    const write: Transfer = (fd, vectors, count, done) =>
      each(vectors, count, done, (at, length) => {
        (fd <= standardError ? messages : output).push(Buffer.from(memory.buffer.slice(at, at + length)));
        return length;
      });
    let unread = input;
    const read: Transfer = (fd, vectors, count, done) => {
      if (fd !== standardInput) return (system.fd_read as Transfer)(fd, vectors, count, done);
      return each(vectors, count, done, (at, length) => {
        const taken = unread.subarray(0, length);
        new Uint8Array(memory.buffer).set(taken, at);
        unread = unread.subarray(taken.length);
        return taken.length;
      });
    };
    return instantiate(binary, {
      ...imports,
      wasi_snapshot_preview1: replacing(system, { fd_write: write, fd_read: read }),
    });
  };

  return {
    output: () => joined(output),
    messages: () => Buffer.concat(messages).toString('utf8'),
  };
}

/** In memory of its own, which can be handed to another thread: the definitions of many tables are no small matter. */
function joined(pieces: readonly Buffer[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function replacing(
  object: Record<string, unknown>,
  own: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return new Proxy(object, {
    get: (target, key) => (Object.hasOwn(own, key) ? own[String(key)] : Reflect.get(target, key)),
  });
}
