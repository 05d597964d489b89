import type { ObjectFacts, ObjectStore, Piece } from '../../functions/store/object-store.ts';
import { type Part, planParts, s3Limits } from '../../functions/store/plan-parts.ts';

/** Small objects as they are; of what is put together, and of working objects, only the size. */
export class MemoryStore implements Partial<ObjectStore> {
  readonly bucket = 'model';
  readonly prefix = '';
  /** Parts of every file that was put together. */
  readonly composed: { readonly pieces: number; readonly parts: readonly Part[] }[] = [];
  readonly #bodies = new Map<string, Buffer>();
  readonly #sizes = new Map<string, number>();

  uri = (key: string) => `s3://model/${key}`;

  head = async (key: string): Promise<ObjectFacts | undefined> => {
    const size = this.#sizes.get(key) ?? this.#bodies.get(key)?.length;
    return size === undefined ? undefined : { key, size, etag: etagOf(key) };
  };

  get = async (key: string): Promise<{ body: Buffer; facts: ObjectFacts } | undefined> => {
    const body = this.#bodies.get(key);
    return body && { body, facts: { key, size: body.length, etag: etagOf(key) } };
  };

  put = async (key: string, body: Buffer | string): Promise<ObjectFacts> => {
    this.#bodies.set(key, Buffer.from(body));
    return { key, size: body.length, etag: etagOf(key) };
  };

  putNew = async (key: string, body: Buffer | string): Promise<ObjectFacts | undefined> =>
    this.#bodies.has(key) ? undefined : this.put(key, body);

  compose = async (key: string, pieces: readonly Piece[]): Promise<ObjectFacts> => {
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    this.composed.push({ pieces: pieces.length, parts: planParts(pieces, s3Limits) });
    this.#sizes.set(key, size);
    return { key, size, etag: etagOf(key) };
  };

  composeSome = (key: string, pieces: readonly Piece[]): Promise<ObjectFacts> => this.compose(key, pieces);

  list = async function* (this: MemoryStore, under: string): AsyncGenerator<ObjectFacts> {
    for (const [key, body] of this.#bodies)
      if (key.startsWith(under)) yield { key, size: body.length, etag: etagOf(key) };
  }.bind(this);

  listFolders = async (under: string): Promise<string[]> => [
    ...new Set(
      [...this.#bodies.keys()]
        .filter((key) => key.startsWith(under))
        .map((key) => key.slice(under.length).split('/')[0] ?? ''),
    ),
  ];

  /** Objects below a key, counted. */
  countUnder(under: string): number {
    return [...this.#bodies.keys()].filter((key) => key.startsWith(under)).length;
  }
}

export function etagOf(key: string): string {
  return `"${key}"`;
}
