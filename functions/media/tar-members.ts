import { type Extract, extract, type Header } from 'tar-stream';
import { MediaDamaged } from './errors.ts';
import { tarBlock, tarPadding } from './tar-header.ts';

/** A member as read from an archive. Names are latin1: one character for each byte. */
export interface ReadMember {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly size: number;
  /** Seconds since 1970, with their fraction. */
  readonly mtime: number;
  readonly target: string;
  /** Must be read before the next member is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

// With this encoding names keep their bytes. None of them stands in a pax record, which is always read as UTF-8.
const namesAsBytes = { filenameEncoding: 'latin1', highWaterMark: 1024 * 1024 };

/**
 * Reads tar members as tar-header.ts writes them; an end of archive is not needed.
 * An archive that ends between two members can't be told from a whole one: count them.
 * @throws MediaDamaged, and what `tar` throws
 */
export async function* readMembers(tar: AsyncIterable<Buffer>): AsyncGenerator<ReadMember> {
  const unpack = extract(namesAsBytes);
  const feeding = new Feeding(tar, unpack);
  try {
    for await (const entry of feeding.explained(unpack)) {
      const content = feeding.explained(entry as AsyncIterable<unknown> as AsyncIterable<Buffer>);
      yield { ...describe(entry.header), content };
    }
  } finally {
    unpack.destroy();
    await feeding.ended;
  }
}

/** Records that say more of the member whose header follows: GNU long names, pax headers. */
const notMembers = new Set(['L', 'K', 'x', 'g']);

/** How long the header of the member at the beginning is, with all its records; undefined: longer than these bytes. */
export function headersLength(bytes: Buffer): number | undefined {
  for (let at = 0; at + tarBlock <= bytes.length; ) {
    if (!notMembers.has(String.fromCharCode(bytes.readUInt8(at + 156)))) return at + tarBlock;
    const digits = bytes.toString('latin1', at + 124, at + 135);
    const size = Number.parseInt(digits, 8);
    if (!Number.isSafeInteger(size) || size < 0) return undefined;
    at += tarBlock + size + tarPadding(size).length;
  }
  return undefined;
}

/** Reads a member's header without its content. @throws MediaDamaged */
export async function readHeaders(bytes: Buffer): Promise<Omit<ReadMember, 'content'>> {
  const unpack = extract(namesAsBytes);
  try {
    const header = await new Promise<Header>((resolve, reject) => {
      unpack.on('entry', resolve);
      unpack.on('error', (error: unknown) => reject(damagedBy(error)));
      unpack.on('finish', () => reject(damagedBy('there is no header')));
      unpack.write(bytes);
    });
    return describe(header);
  } finally {
    unpack.destroy();
  }
}

/** Brings the bytes to the parser, and tells an archive that is broken from a source that failed. */
class Feeding {
  /** Never rejects. */
  readonly ended: Promise<void>;
  #failure: { error: unknown } | undefined;

  constructor(tar: AsyncIterable<Buffer>, unpack: Extract) {
    this.ended = this.#feed(tar, unpack);
  }

  async #feed(tar: AsyncIterable<Buffer>, unpack: Extract): Promise<void> {
    try {
      for await (const bytes of tar) {
        if (unpack.destroying) return;
        if (!unpack.write(bytes)) await drained(unpack);
      }
      unpack.end(null);
    } catch (error) {
      this.#failure = { error };
      unpack.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async *explained<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const iterator = items[Symbol.asyncIterator]();
    let finished = false;
    try {
      while (true) {
        const next = await iterator.next().catch((error: unknown) => {
          finished = true;
          throw this.#failure === undefined ? damagedBy(error) : this.#failure.error;
        });
        if (next.done === true) {
          finished = true;
          return;
        }
        yield next.value;
      }
    } finally {
      if (!finished) await iterator.return?.();
    }
  }
}

function drained(unpack: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      unpack.off('drain', done);
      unpack.off('close', done);
      resolve();
    };
    unpack.on('drain', done);
    unpack.on('close', done);
    if (unpack.destroyed) done();
  });
}

const kinds = new Set<string>(['file', 'directory', 'symlink']);

function describe(header: Header): Omit<ReadMember, 'content'> {
  if (!kinds.has(header.type)) {
    throw new MediaDamaged(
      `the media archive holds a member of a kind that no backup writes (${header.type}): ${header.name}`,
    );
  }
  const fraction = (header.pax as Record<string, string> | null)?.mtime;
  return {
    path: header.name,
    kind: header.type as ReadMember['kind'],
    mode: header.mode & 0o7777,
    size: header.size,
    mtime: fraction === undefined ? header.mtime.getTime() / 1000 : Number(fraction),
    target: header.linkname ?? '',
  };
}

function damagedBy(error: unknown): MediaDamaged {
  return new MediaDamaged(
    `the media archive cannot be read (${error instanceof Error ? error.message : String(error)}): run verify on this backup`,
    { cause: error },
  );
}
