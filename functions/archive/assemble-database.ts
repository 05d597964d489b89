import { relationKey } from '../postgres/relation-key.ts';
import type { Piece } from '../store/object-store.ts';
import { combineCrc32, crc32Text, crc32Value } from './crc32-combine.ts';
import { BackupIncomplete } from './errors.ts';
import type { FileEntry, PageRange, Section, TableChunk, TableEntry } from './manifest.ts';
import type { DefinitionsResult, RowsResult } from './shard-result.ts';

/** What the plan of shards says of one table. */
export interface TablePlan {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly content: TableEntry['content'];
  readonly loadThrough: TableEntry['loadThrough'];
  /** Heap pages when it was planned; null: it is read as one chunk, without page ranges. */
  readonly relationPages: number | null;
  /** In the order of the file: ascending shards. */
  readonly chunks: readonly { readonly shard: number; readonly pages: PageRange | null }[];
}

/** What an attempt wrote, and what of it comes into a sealed file: all of it. */
type Written = Pick<RowsResult, 'object' | 'etag' | 'size' | 'crc32'>;

/** A sealed file to be put together. */
export interface Assembly extends FileEntry {
  readonly pieces: readonly Piece[];
}

export interface DatabaseParts {
  readonly definitions: {
    readonly preData: DefinitionsResult;
    readonly sequences: DefinitionsResult;
    readonly postData: DefinitionsResult;
  };
  readonly tables: readonly TablePlan[];
  readonly rows: readonly RowsResult[];
}

export interface AssembledDatabase extends Assembly {
  /** With offsets in the sealed file. */
  readonly tables: TableEntry[];
  readonly preData: Section;
  readonly sequences: Section;
  readonly postData: Section;
}

type RowsChunk = RowsResult['chunks'][number];

/** One chunk with its place among all chunks of the file, in its order. */
interface Placed {
  readonly result: RowsResult;
  readonly chunk: RowsChunk;
  readonly index: number;
}

/**
 * Proves that every page of every table was read exactly once and lies where its results say, and says how
 * database.sql.zst is put together. Throws `BackupIncomplete`.
 */
export function assembleDatabase({ definitions, tables, rows }: DatabaseParts): AssembledDatabase {
  const shards = inOrder(tables, rows);
  const placed = shards.flatMap((result) => result.chunks.map((chunk) => ({ result, chunk })));
  const byTable = groupByTable(
    tables,
    placed.map((each, index) => ({ ...each, index })),
  );
  for (const table of tables) provePages(table);
  for (const table of tables) proveChunks(table, byTable.get(relationKey(table)) ?? []);
  for (const result of shards) proveLayout(result, byTable);

  const file = new FileBuilder();
  const preData = file.definitions('pre-data', definitions.preData);
  const starts = new Map(shards.map((result) => [result, file.add(result)]));
  const sequences = file.definitions('sequences', definitions.sequences);
  const postData = file.definitions('post-data', definitions.postData);
  const entries = tables.map((table) => tableEntry(table, byTable.get(relationKey(table)) ?? [], starts));
  return { ...file.assembly(), tables: entries, preData, sequences, postData };
}

/** The results in the order of shards and their legs: for every planned shard all legs, up to one with no rest. */
function inOrder(tables: readonly TablePlan[], rows: readonly RowsResult[]): RowsResult[] {
  const planned = new Set(tables.flatMap(({ chunks }) => chunks.map(({ shard }) => shard)));
  const found = Map.groupBy(rows, ({ shard }) => shard);
  for (const shard of found.keys())
    if (!planned.has(shard)) throw incomplete(`shard ${shard} was not planned`);
  return [...planned].sort((a, b) => a - b).flatMap((shard) => proveLegs(shard, found.get(shard) ?? []));
}

function proveLegs(shard: number, results: readonly RowsResult[]): RowsResult[] {
  const legs = results.toSorted((a, b) => a.leg - b.leg);
  for (const [index, { leg, rest }] of legs.entries()) {
    if (leg <= index)
      throw incomplete(`shard ${shard} has two results${leg > 1 ? ` of its leg ${leg}` : ''}`);
    if (leg > index + 1) throw incomplete(`leg ${index + 1} of shard ${shard} has no result`);
    if (rest === null && index < legs.length - 1)
      throw incomplete(`shard ${shard} goes on after its leg ${leg}, which says that it ended there`);
  }
  const last = legs.at(-1);
  if (!last) throw incomplete(`shard ${shard} has no result`);
  if (last.rest !== null) throw incomplete(`leg ${last.leg + 1} of shard ${shard} has no result`);
  return legs;
}

function groupByTable(tables: readonly TablePlan[], placed: readonly Placed[]): Map<string, Placed[]> {
  const byTable = new Map<string, Placed[]>();
  for (const table of tables) {
    if (byTable.has(relationKey(table))) throw incomplete(`${nameOf(table)} is planned twice`);
    byTable.set(relationKey(table), []);
  }
  for (const each of placed) {
    const chunks = byTable.get(relationKey(each.chunk));
    if (!chunks)
      throw incomplete(`shard ${each.result.shard} has rows of ${nameOf(each.chunk)}, which was not planned`);
    chunks.push(each);
  }
  return byTable;
}

/** The planned page ranges tile the table: from page 0 to its end, without gap or overlap. */
function provePages(table: TablePlan): void {
  const { chunks, content, relationPages } = table;
  if (content === 'definition') {
    if (chunks.length > 0) throw incomplete(`${nameOf(table)} has rows planned that were to be left out`);
    return;
  }
  if (relationPages === null) {
    if (chunks.length !== 1 || chunks[0]?.pages !== null)
      throw incomplete(
        `${nameOf(table)} is not split, and is planned in ${chunks.length} chunks or with pages`,
      );
    return;
  }
  let next: number | null = 0;
  for (const { pages, shard } of chunks) {
    if (!pages) throw incomplete(`${nameOf(table)}, shard ${shard}: no pages are planned`);
    if (pages.from !== next)
      throw incomplete(
        `${nameOf(table)}, shard ${shard} begins at page ${pages.from}, where ${next ?? 'nothing'} is due`,
      );
    if (pages.to !== null && pages.to <= pages.from)
      throw incomplete(`${nameOf(table)}, shard ${shard}: pages ${pages.from} to ${pages.to} are none`);
    next = pages.to;
  }
  if (next !== null) throw incomplete(`${nameOf(table)} is planned up to page ${next} only`);
}

/** Every planned chunk was read, whole or in several that tile it, in the planned order, one after another in the file. */
function proveChunks(table: TablePlan, placed: readonly Placed[]): void {
  let at = 0;
  for (const planned of table.chunks) {
    const begin = at;
    while (placed[at]?.result.shard === planned.shard) at += 1;
    if (!tiles(planned.pages, placed.slice(begin, at)))
      throw incomplete(
        `${nameOf(table)}: what was planned for shard ${planned.shard} (${pagesText(planned.pages)}) is not there`,
      );
  }
  if (at < placed.length)
    throw incomplete(
      `${nameOf(table)} was read in ${placed.length} chunks, ${placed.length - at} more than were planned`,
    );
  for (const [index, found] of placed.entries()) {
    const before = placed[index - 1];
    if (before && before.index + 1 !== found.index)
      throw incomplete(
        `${nameOf(table)}: rows of another table lie between shards ${before.result.shard} and ${found.result.shard}`,
      );
  }
}

/** Do chunks cover a planned range of pages, each beginning where the one before ends? A whole table may be cut too. */
function tiles(planned: PageRange | null, placed: readonly Placed[]): boolean {
  if (placed.length === 1 && placed[0]?.chunk.pages === null) return planned === null;
  let next: number | null = planned?.from ?? 0;
  for (const { chunk } of placed) {
    if (chunk.pages === null || chunk.pages.from !== next) return false;
    if (chunk.pages.to !== null && chunk.pages.to <= chunk.pages.from) return false;
    next = chunk.pages.to;
  }
  return placed.length > 0 && next === (planned?.to ?? null);
}

/**
 * Within a working object, frames lie between chunks exactly where a COPY line or its end belongs: before the first
 * chunk of a table and after its last.
 */
function proveLayout(result: RowsResult, byTable: ReadonlyMap<string, readonly Placed[]>): void {
  let position = 0;
  let lineDue = false;
  for (const chunk of result.chunks) {
    const where = `shard ${result.shard}, ${nameOf(chunk)}`;
    const siblings = byTable.get(relationKey(chunk)) ?? [];
    proveCounts(chunk, where);
    lineDue ||= siblings[0]?.chunk === chunk;
    proveGap(chunk.offset - position, lineDue, where);
    position = chunk.offset + chunk.length;
    lineDue = siblings.at(-1)?.chunk === chunk;
  }
  proveGap(result.size - position, lineDue, `shard ${result.shard}, at its end`);
}

function proveGap(length: number, lineDue: boolean, where: string): void {
  if (length < 0)
    throw incomplete(`${where}: chunks overlap by ${-length} bytes, or the object is too short`);
  if (lineDue && length === 0) throw incomplete(`${where}: the COPY line or its end is missing`);
  if (!lineDue && length > 0) throw incomplete(`${where}: ${length} bytes belong to no chunk`);
}

function proveCounts(chunk: Section & { rows?: number }, where: string): void {
  const empty = [chunk.length, chunk.frames, chunk.rawBytes, chunk.rows ?? chunk.rawBytes].filter(
    (each) => each === 0,
  );
  if (empty.length !== 0 && empty.length !== 4)
    throw incomplete(`${where}: its lengths, frames and rows contradict each other`);
  if ((chunk.rows ?? 0) > chunk.rawBytes) throw incomplete(`${where}: more rows than bytes`);
}

function tableEntry(
  table: TablePlan,
  placed: readonly Placed[],
  starts: ReadonlyMap<RowsResult, number>,
): TableEntry {
  const chunks = placed.map(({ result, chunk }): TableChunk => {
    const { offset, length, frames, rawBytes, sha256, rows, pages } = chunk;
    return {
      offset: offset + (starts.get(result) ?? 0),
      length,
      frames,
      rawBytes,
      sha256,
      rows,
      pages,
    };
  });
  return {
    schema: table.schema,
    name: table.name,
    columns: [...table.columns],
    rows: chunks.reduce((sum, { rows }) => sum + rows, 0),
    rawBytes: chunks.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
    content: table.content,
    loadThrough: table.loadThrough,
    chunks,
  };
}

/** Puts working objects one after another. */
export class FileBuilder {
  readonly #pieces: Piece[] = [];
  #size = 0;
  #crc = 0;

  /** Returns where it begins in the file. */
  add({ object, etag, size, crc32 }: Written): number {
    const start = this.#size;
    this.#pieces.push({ key: object, etag, offset: 0, length: size });
    this.#crc = combineCrc32(this.#crc, crc32Value(crc32), size);
    this.#size += size;
    return start;
  }

  /** An object that is one section and nothing else. */
  section<T extends Section>(what: string, section: T, written: Written): T {
    if (section.offset !== 0 || section.length !== written.size)
      throw incomplete(`${what}: the section does not fill its object of ${written.size} bytes`);
    proveCounts(section, what);
    return { ...section, offset: this.add(written) };
  }

  definitions(what: string, result: DefinitionsResult): Section {
    return this.section(what, result.section, result);
  }

  assembly(): Assembly {
    return { pieces: this.#pieces, size: this.#size, crc32: crc32Text(this.#crc) };
  }
}

function nameOf({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`;
}

function pagesText(pages: PageRange | null): string {
  return pages ? `pages ${pages.from} to ${pages.to ?? 'the end'}` : 'the whole table';
}

function incomplete(what: string): BackupIncomplete {
  return new BackupIncomplete(`the backup is not complete and was not sealed: ${what}; run it again`);
}
