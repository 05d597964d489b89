import { tarEnd } from './assemble-media.ts';
import { copyEnd, copyStatement } from './copy-lines.ts';
import type { Manifest, MediaEntry, MediaPart, Section, TableEntry } from './manifest.ts';

/** What a section's content must be besides matching its checksum. */
export type Content =
  | { readonly kind: 'sql' }
  | { readonly kind: 'rows'; readonly rows: number }
  | { readonly kind: 'tar'; readonly members: number; readonly part?: MediaPart | undefined };

/** A stretch of a sealed file: a section that the manifest names, or the fixed bytes between two of them. */
export type Region =
  | { readonly kind: 'section'; readonly what: string; readonly section: Section; readonly content: Content }
  | {
      readonly kind: 'fixed';
      readonly what: string;
      readonly offset: number;
      readonly length: number;
      readonly text: Buffer;
    };

/** Every byte of a file has its region; a length below zero says that sections overlap. */
export function databaseLayout({ definitions, tables, files }: Manifest): Region[] {
  const layout = new Layout();
  layout.section('pre-data', definitions.preData, { kind: 'sql' });
  const withRows = tables.filter(({ content }) => content === 'rows');
  for (const table of withRows.toSorted((a, b) => startOf(a) - startOf(b))) {
    const name = `${table.schema}.${table.name}`;
    // psql can load rows only where they may be loaded.
    const into = table.loadThrough ?? table;
    layout.fixed(`COPY of ${name}`, copyStatement(into.schema, into.name, table.columns));
    for (const [index, chunk] of table.chunks.entries())
      layout.section(`${name}, chunk ${index + 1}`, chunk, { kind: 'rows', rows: chunk.rows });
    layout.fixed(`end of ${name}`, copyEnd);
  }
  layout.section('sequences', definitions.sequences, { kind: 'sql' });
  layout.section('post-data', definitions.postData, { kind: 'sql' });
  return layout.end(files.database.size);
}

export function mediaLayout({ chunks }: MediaEntry, size: number): Region[] {
  const layout = new Layout();
  for (const [index, chunk] of chunks.entries()) {
    const { members, part } = chunk;
    layout.section(`media chunk ${index + 1}`, chunk, { kind: 'tar', members, part });
  }
  layout.fixed('end of the archive', tarEnd);
  return layout.end(size);
}

function startOf({ chunks }: TableEntry): number {
  return chunks[0]?.offset ?? 0;
}

class Layout {
  readonly #regions: Region[] = [];
  #position = 0;
  #texts: Buffer[] = [];
  #what: string[] = [];

  fixed(what: string, text: string | Buffer): void {
    this.#texts.push(Buffer.from(text));
    this.#what.push(what);
  }

  section(what: string, section: Section, content: Content): void {
    // Without bytes there is no place: a table without rows lies between its COPY line and the end of it.
    if (section.length === 0) return;
    this.#flush(section.offset);
    this.#regions.push({ kind: 'section', what, section, content });
    this.#position = section.offset + section.length;
  }

  end(size: number): Region[] {
    this.#flush(size);
    return this.#regions;
  }

  #flush(to: number): void {
    const length = to - this.#position;
    const text = Buffer.concat(this.#texts);
    if (length !== 0 || text.length > 0)
      this.#regions.push({ kind: 'fixed', what: this.#named(), offset: this.#position, length, text });
    this.#texts = [];
    this.#what = [];
    this.#position = to;
  }

  #named(): string {
    const [first, ...others] = this.#what;
    if (first === undefined) return 'bytes that belong to nothing';
    return others.length === 0 ? first : `${first} … ${others.at(-1)}`;
  }
}
