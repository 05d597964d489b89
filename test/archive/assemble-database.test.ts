import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assembleDatabase,
  type DatabaseParts,
  type TablePlan,
} from '../../functions/archive/assemble-database.ts';
import { crc32Text } from '../../functions/archive/crc32-combine.ts';
import { BackupIncomplete } from '../../functions/archive/errors.ts';
import type { Section } from '../../functions/archive/manifest.ts';
import type { DefinitionsResult, RowsResult } from '../../functions/archive/shard-result.ts';

/** How many chunks each table has; each chunk's rows; after which chunks a shard ends. */
const shape = fc.record({
  tables: fc.array(
    fc.record({
      split: fc.boolean(),
      chunks: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
      left: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
    { maxLength: 6 },
  ),
  ends: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

interface Made extends DatabaseParts {
  /** What each object holds. */
  readonly bytes: Map<string, Buffer>;
}

const sha256 = '0'.repeat(64);

/** Results as a run without faults leaves them; bytes stand for frames. */
function make({ tables, ends }: Shape): Made {
  const bytes = new Map<string, Buffer>();
  const plans: TablePlan[] = [];
  const rows: RowsResult[] = [];
  let parts: Buffer[] = [];
  let chunks: RowsResult['chunks'] = [];
  let turn = 0;
  const position = () => parts.reduce((sum, { length }) => sum + length, 0);
  const endShard = () => {
    const object = `rows-${rows.length + 1}`;
    const content = Buffer.concat(parts);
    bytes.set(object, content);
    rows.push({
      kind: 'rows',
      shard: rows.length + 1,
      leg: 1,
      rest: null,
      object,
      etag: '"e"',
      size: content.length,
      crc32: crc32Text(crc32(content)),
      chunks,
    });
    parts = [];
    chunks = [];
  };
  for (const [number, { split, chunks: counts, left }] of tables.entries()) {
    const name = `t${number}`;
    const planned: { shard: number; pages: { from: number; to: number | null } | null }[] = [];
    const common = { schema: 's', name, columns: ['c'], loadThrough: null };
    if (left) {
      plans.push({ ...common, content: 'definition', relationPages: null, chunks: [] });
      continue;
    }
    const some = split ? counts : counts.slice(0, 1);
    for (const [index, count] of some.entries()) {
      const last = index === some.length - 1;
      const pages = split ? { from: index * 7, to: last ? null : index * 7 + 7 } : null;
      if (index === 0) parts.push(Buffer.from(`<${name}>`));
      const content = Buffer.from('r'.repeat(count * 3));
      const section: Section = {
        offset: position(),
        length: content.length,
        frames: count,
        rawBytes: count * 2,
        sha256,
      };
      chunks.push({ ...section, rows: count, pages, schema: 's', name });
      planned.push({ shard: rows.length + 1, pages });
      parts.push(content);
      if (last) parts.push(Buffer.from('.'));
      turn += 1;
      // A table has one chunk in a shard.
      if (!last || ends[turn % ends.length]) endShard();
    }
    plans.push({ ...common, content: 'rows', relationPages: split ? 30 : null, chunks: planned });
  }
  if (chunks.length > 0) endShard();
  const definitions = (object: string): DefinitionsResult => {
    const content = Buffer.from(object);
    bytes.set(object, content);
    const section = { offset: 0, length: content.length, frames: 1, rawBytes: 9, sha256 };
    return {
      kind: 'definitions',
      object,
      etag: '"d"',
      size: content.length,
      crc32: crc32Text(crc32(content)),
      section,
    };
  };
  return {
    definitions: {
      preData: definitions('PRE'),
      sequences: definitions('SEQ'),
      postData: definitions('POST'),
    },
    tables: plans,
    rows,
    bytes,
  };
}

describe('the assembly of the database', () => {
  it('places every byte of every working object, and every chunk where its bytes come to lie', () => {
    fc.assert(
      fc.property(shape, fc.nat(5), (some, rotation) => {
        const made = make(some);
        // Results arrive in any order.
        const rows = [...made.rows.slice(rotation), ...made.rows.slice(0, rotation)];
        const file = assembleDatabase({ ...made, rows });
        const content = Buffer.concat(file.pieces.map(({ key }) => made.bytes.get(key) ?? Buffer.alloc(0)));
        expect(file.size).toBe(content.length);
        expect(file.crc32).toBe(crc32Text(crc32(content)));
        const expected = made.tables
          .filter((table) => table.content === 'rows')
          .map(({ name }) => {
            const count = file.tables.find((each) => each.name === name)?.rows ?? 0;
            return `<${name}>${'r'.repeat(count * 3)}.`;
          });
        expect(content.toString()).toBe(`PRE${expected.join('')}SEQPOST`);
        for (const section of [file.preData, file.sequences, file.postData])
          expect(content.subarray(section.offset, section.offset + section.length).toString()).toMatch(
            /^(PRE|SEQ|POST)$/,
          );
        for (const { chunks } of file.tables)
          for (const { offset, length } of chunks)
            expect(content.subarray(offset, offset + length).toString()).toBe('r'.repeat(length));
      }),
    );
  });

  const cuts = fc.array(fc.nat(9), { minLength: 1, maxLength: 8 });

  it('puts the legs of a shard one after another, wherever the first one stopped', () => {
    let cut = 0;
    fc.assert(
      fc.property(shape, cuts, fc.nat(5), (some, where, rotation) => {
        const whole = make(some);
        const made = inLegs(whole, where);
        cut += made.rows.length - whole.rows.length;
        const rows = [...made.rows.slice(rotation), ...made.rows.slice(0, rotation)];
        const file = assembleDatabase({ ...made, rows });
        const content = Buffer.concat(file.pieces.map(({ key }) => made.bytes.get(key) ?? Buffer.alloc(0)));
        const before = assembleDatabase(whole);
        const uncut = Buffer.concat(before.pieces.map(({ key }) => whole.bytes.get(key) ?? Buffer.alloc(0)));
        expect(content.toString()).toBe(uncut.toString());
        expect(file.crc32).toBe(before.crc32);
        expect(file.tables.map(({ rows, rawBytes }) => [rows, rawBytes])).toEqual(
          before.tables.map(({ rows, rawBytes }) => [rows, rawBytes]),
        );
        for (const { chunks } of file.tables)
          for (const { offset, length } of chunks)
            expect(content.subarray(offset, offset + length).toString()).toBe('r'.repeat(length));
      }),
    );
    expect(cut).toBeGreaterThan(50);
  });

  const legFaults: Record<string, (legs: RowsResult[]) => RowsResult[]> = {
    'a leg without a result': (legs) => legs.slice(1),
    'a last leg that never came': (legs) => legs.slice(0, -1),
    'two results of a leg': (legs) => [...legs, ...legs.slice(-1)],
    'a leg that goes on elsewhere': (legs) => legs.map((leg) => shifted(leg, 1)),
    'a leg that repeats pages': (legs) => legs.map((leg) => shifted(leg, -1)),
    'a leg after the end': (legs) => legs.map((leg) => ({ ...leg, rest: null })),
  };

  it.each(Object.keys(legFaults))('is refused with %s', (name) => {
    let tried = 0;
    fc.assert(
      fc.property(shape, cuts, (some, where) => {
        const made = inLegs(make(some), where);
        const second = made.rows.find(({ leg }) => leg === 2);
        fc.pre(second !== undefined);
        tried += 1;
        const isOurs = ({ shard }: RowsResult) => shard === second?.shard;
        const rows = [
          ...made.rows.filter((row) => !isOurs(row)),
          ...(legFaults[name]?.(made.rows.filter(isOurs)) ?? []),
        ];
        expect(() => assembleDatabase({ ...made, rows })).toThrow(BackupIncomplete);
      }),
      { numRuns: 60 },
    );
    expect(tried).toBeGreaterThan(10);
  });

  /** What may be wrong with what workers left; returns undefined where it does not apply. */
  const faults: Record<string, (made: Made, pick: number) => DatabaseParts | undefined> = {
    'a shard without a result': (made, pick) =>
      made.rows.length === 0
        ? undefined
        : { ...made, rows: made.rows.filter((_, i) => i !== pick % made.rows.length) },
    'two results for a shard': (made, pick) => {
      const twice = made.rows[pick % made.rows.length];
      return twice && { ...made, rows: [...made.rows, twice] };
    },
    'a result that nobody planned': (made) => {
      const one = made.rows[0];
      return one && { ...made, rows: [...made.rows, { ...one, shard: 99 }] };
    },
    'a chunk that is missing': (made, pick) => {
      const shard = made.rows[pick % made.rows.length];
      return shard && replace(made, shard, { ...shard, chunks: shard.chunks.slice(1) });
    },
    'a chunk twice': (made, pick) => {
      const shard = made.rows[pick % made.rows.length];
      const chunk = shard?.chunks[0];
      return shard && chunk && replace(made, shard, { ...shard, chunks: [chunk, ...shard.chunks] });
    },
    'a chunk with other pages': (made, pick) =>
      mutateChunk(made, pick, (chunk) => ({
        ...chunk,
        pages: chunk.pages ? { ...chunk.pages, from: chunk.pages.from + 1 } : { from: 1, to: null },
      })),
    'a chunk of an unknown table': (made, pick) =>
      mutateChunk(made, pick, (chunk) => ({ ...chunk, name: 'unknown' })),
    'a chunk that begins later': (made, pick) =>
      mutateChunk(made, pick, (chunk) => ({ ...chunk, offset: chunk.offset + 90 })),
    'a chunk that is too long': (made, pick) =>
      mutateChunk(made, pick, (chunk) =>
        chunk.length === 0 ? undefined : { ...chunk, length: chunk.length + 90 },
      ),
    'rows without bytes': (made, pick) =>
      mutateChunk(made, pick, (chunk) => ({ ...chunk, rows: chunk.rows === 0 ? 1 : 0 })),
    'a gap between planned pages': (made) =>
      mutatePages(
        made,
        (pages) => pages.from > 0,
        ({ from, to }) => ({ from: from + 1, to }),
      ),
    'planned pages that end early': (made) =>
      mutatePages(
        made,
        (pages) => pages.to === null,
        ({ from }) => ({ from, to: from + 7 }),
      ),
    'planned pages that begin late': (made) =>
      mutatePages(
        made,
        (pages) => pages.from === 0,
        ({ to }) => ({ from: 1, to }),
      ),
    'a split table planned as a whole': (made) => {
      const table = made.tables.find(({ relationPages }) => relationPages !== null);
      return table && replaceTable(made, table, { ...table, relationPages: null });
    },
    'a table planned twice': (made) =>
      made.tables[0] ? { ...made, tables: [...made.tables, made.tables[0]] } : undefined,
    'rows of a table that was to be left out': (made) => {
      const table = made.tables.find(({ content }) => content === 'rows');
      return table && replaceTable(made, table, { ...table, content: 'definition' });
    },
    'definitions that do not fill their object': (made) => ({
      ...made,
      definitions: { ...made.definitions, preData: { ...made.definitions.preData, size: 4 } },
    }),
    'a working object with more in it': (made, pick) => {
      const shard = made.rows.find((row) => endsWithinTable(made, row)) ?? made.rows[pick % made.rows.length];
      if (!shard || !endsWithinTable(made, shard)) return undefined;
      return replace(made, shard, { ...shard, size: shard.size + 5 });
    },
  };

  it.each(Object.keys(faults))('is refused with %s', (name) => {
    let tried = 0;
    fc.assert(
      fc.property(shape, fc.nat(50), (some, pick) => {
        const broken = faults[name]?.(make(some), pick);
        fc.pre(broken !== undefined);
        tried += 1;
        expect(() => assembleDatabase(broken)).toThrow(BackupIncomplete);
      }),
      { numRuns: 60 },
    );
    expect(tried).toBeGreaterThan(10);
  });

  it('names the table and the shard', () => {
    const made = make({ tables: [{ split: true, chunks: [1, 2, 1], left: false }], ends: [false] });
    expect(() => assembleDatabase({ ...made, rows: made.rows.slice(0, 2) })).toThrow('shard 3');
    const shard = made.rows[1];
    const gone = shard && replace(made, shard, { ...shard, chunks: [] });
    expect(() => assembleDatabase(gone ?? made)).toThrow(/s\.t0.*shard 2.*pages 7 to 14/);
  });
});

/** The same results as if some workers had stopped within a chunk. */
function inLegs(made: Made, where: readonly number[]): Made {
  const bytes = new Map(made.bytes);
  const rows = made.rows.flatMap((row, turn): RowsResult[] => {
    const pick = where[turn % where.length] ?? 0;
    const index = pick % row.chunks.length;
    const chunk = row.chunks[index];
    if (!chunk || pick < 3) return [row];
    const stopped = pick % (chunk.rows + 1);
    const page = (chunk.pages?.from ?? 0) + 3;
    const at = chunk.offset + stopped * 3;
    const content = made.bytes.get(row.object) ?? Buffer.alloc(0);
    const part = (leg: number, some: Buffer) => {
      bytes.set(`${row.object}-${leg}`, some);
      const object = `${row.object}-${leg}`;
      return { ...row, leg, object, size: some.length, crc32: crc32Text(crc32(some)) };
    };
    const first = { ...chunk, ...counted(stopped), pages: { from: chunk.pages?.from ?? 0, to: page } };
    const left = counted(chunk.rows - stopped);
    const second = { ...chunk, ...left, offset: 0, pages: { from: page, to: chunk.pages?.to ?? null } };
    return [
      {
        ...part(1, content.subarray(0, at)),
        chunks: [...row.chunks.slice(0, index), first],
        rest: { chunk: index, page },
      },
      {
        ...part(2, content.subarray(at)),
        chunks: [
          second,
          ...row.chunks.slice(index + 1).map((each) => ({ ...each, offset: each.offset - at })),
        ],
        rest: null,
      },
    ];
  });
  return { ...made, rows, bytes };
}

function counted(rows: number) {
  return { rows, frames: rows, length: rows * 3, rawBytes: rows * 2 };
}

/** Of a second leg, the page that it begins at. */
function shifted(row: RowsResult, by: number): RowsResult {
  if (row.leg === 1) return row;
  const [first, ...others] = row.chunks;
  if (!first?.pages) return row;
  return {
    ...row,
    chunks: [{ ...first, pages: { ...first.pages, from: first.pages.from + by } }, ...others],
  };
}

function replace(made: Made, shard: RowsResult, by: RowsResult): DatabaseParts {
  return { ...made, rows: made.rows.map((each) => (each === shard ? by : each)) };
}

function replaceTable(made: Made, table: TablePlan, by: TablePlan): DatabaseParts {
  return { ...made, tables: made.tables.map((each) => (each === table ? by : each)) };
}

type Chunk = RowsResult['chunks'][number];

function mutateChunk(
  made: Made,
  pick: number,
  change: (chunk: Chunk) => Chunk | undefined,
): DatabaseParts | undefined {
  const all = made.rows.flatMap((row) => row.chunks.map((chunk) => ({ row, chunk })));
  const found = all[pick % Math.max(1, all.length)];
  const changed = found && change(found.chunk);
  if (!found || !changed) return undefined;
  const chunks = found.row.chunks.map((chunk) => (chunk === found.chunk ? changed : chunk));
  return replace(made, found.row, { ...found.row, chunks });
}

/** Changes the plan and the results alike, so that only the proof of the page ranges can notice. */
function mutatePages(
  made: Made,
  which: (pages: { from: number; to: number | null }) => boolean,
  change: (pages: { from: number; to: number | null }) => { from: number; to: number | null },
): DatabaseParts | undefined {
  for (const table of made.tables) {
    const planned = table.chunks.find(({ pages }) => pages && which(pages));
    if (!planned?.pages) continue;
    const { pages, shard } = planned;
    const changed = change(pages);
    const tables = made.tables.map((each) =>
      each === table
        ? {
            ...table,
            chunks: table.chunks.map((chunk) => (chunk === planned ? { shard, pages: changed } : chunk)),
          }
        : each,
    );
    const rows = made.rows.map((row) =>
      row.shard !== shard
        ? row
        : {
            ...row,
            chunks: row.chunks.map((chunk) =>
              chunk.name === table.name ? { ...chunk, pages: changed } : chunk,
            ),
          },
    );
    return { ...made, tables, rows };
  }
  return undefined;
}

/** Whether its last chunk is not the last of its table, so that nothing may follow it in the object. */
function endsWithinTable(made: Made, row: RowsResult): boolean {
  const last = row.chunks.at(-1);
  const table = made.tables.find(({ name }) => name === last?.name);
  return table !== undefined && table.chunks.at(-1)?.shard !== row.shard;
}
