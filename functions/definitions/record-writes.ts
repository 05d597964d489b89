/** What a program compiled to WebAssembly has written. */
export interface Written {
  /** Bytes written to files, in order. */
  output(): Uint8Array<ArrayBuffer>;
  /** Text written to standard output and standard error. */
  messages(): string;
}

type Imports = Record<string, Record<string, unknown>>;
type FdWrite = (fd: number, vectors: number, count: number, written: number) => number;

/** What is used of the global `WebAssembly`, which @types/node declares in part. */
interface Instantiating {
  instantiate(binary: Uint8Array, imports: Imports): Promise<unknown>;
}

const standardError = 2;

/**
 * Takes the place of the system call `fd_write` (WASI, `wasi_snapshot_preview1`) in the next program that this thread
 * instantiates: everything it writes is kept here and nothing reaches its file system. So a definition arrives byte
 * by byte as pg_dump wrote it, while the wrapper around it would delete lines that begin with `\restrict`, decode what
 * isn't UTF-8 to something else, and throw pg_dump's warnings away.
 */
export function recordWrites(): Written {
  const output: Buffer[] = [];
  const messages: Buffer[] = [];
  const wasm = (globalThis as unknown as { WebAssembly: Instantiating }).WebAssembly;
  const { instantiate } = wasm;

  wasm.instantiate = (binary, imports) => {
    wasm.instantiate = instantiate;
    const memory = imports.env?.memory as { readonly buffer: ArrayBuffer };
    const fdWrite: FdWrite = (fd, vectors, count, written) => {
      const view = new DataView(memory.buffer);
      let total = 0;
      for (let vector = vectors; vector < vectors + 8 * count; vector += 8) {
        const from = view.getUint32(vector, true);
        const length = view.getUint32(vector + 4, true);
        (fd <= standardError ? messages : output).push(Buffer.from(memory.buffer.slice(from, from + length)));
        total += length;
      }
      view.setUint32(written, total, true);
      return 0;
    };
    return instantiate(binary, {
      ...imports,
      wasi_snapshot_preview1: replacing(imports.wasi_snapshot_preview1 ?? {}, 'fd_write', fdWrite),
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

function replacing(object: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  return new Proxy(object, { get: (target, key) => (key === name ? value : Reflect.get(target, key)) });
}
