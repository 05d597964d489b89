import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TableEntry } from '../../functions/archive/manifest.ts';
import { planLoad } from '../../functions/restore/plan-load.ts';
import { LoadPlan } from '../../functions/restore/records.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

function table(name: string, chunks: readonly { rows: number; rawBytes: number }[]): TableEntry {
  const sum = (of: (chunk: { rows: number; rawBytes: number }) => number) =>
    chunks.reduce((total, chunk) => total + of(chunk), 0);
  return {
    schema: 'public',
    name,
    columns: ['id', 'object_data'],
    rows: sum(({ rows }) => rows),
    rawBytes: sum(({ rawBytes }) => rawBytes),
    content: 'rows',
    loadThrough: null,
    chunks: chunks.map(({ rows, rawBytes }, index) => ({
      offset: index * 1000,
      length: 1000,
      frames: 1,
      rawBytes,
      sha256: 'a'.repeat(64),
      rows,
      pages: null,
    })),
  };
}

const chunk = fc.oneof(
  fc.constant({ rows: 0, rawBytes: 0 }),
  fc.record({ rows: fc.integer({ min: 1, max: 1e9 }), rawBytes: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ rows: fc.constant(5), rawBytes: fc.integer({ min: MiB, max: 3 * GiB }) }),
);
const tables = fc
  .array(fc.array(chunk, { maxLength: 12 }), { maxLength: 30 })
  .map((list) => list.map((chunks, index) => table(`t${index}`, chunks)));
const jobs = fc.integer({ min: 1, max: 1000 });

test('every chunk that has rows is loaded once, and with what the manifest says of it', () => {
  fc.assert(
    fc.property(tables, jobs, (list, atOnce) => {
      const plans = planLoad(list, atOnce).map((plan) => LoadPlan.parse(plan));
      expect(plans.map(({ shard }) => shard)).toEqual(plans.map((_, index) => index + 1));
      const planned = plans.flatMap(({ chunks }) => chunks);
      const expected = list.flatMap(({ chunks, ...entry }) =>
        chunks.flatMap((each, index) =>
          each.rows > 0 ? [{ table: entry, of: chunks.length, index, chunk: each }] : [],
        ),
      );
      const byPlace = (one: (typeof planned)[number], other: (typeof planned)[number]) =>
        one.table.name.localeCompare(other.table.name) || one.index - other.index;
      expect(planned.toSorted(byPlace)).toEqual(expected.toSorted(byPlace));
    }),
  );
});

test('a shard holds a gibibyte of rows at most, or one larger chunk', () => {
  fc.assert(
    fc.property(tables, jobs, (list, atOnce) => {
      for (const { chunks } of planLoad(list, atOnce)) {
        const bytes = chunks.reduce((sum, each) => sum + each.chunk.rawBytes, 0);
        if (chunks.length > 1) expect(bytes).toBeLessThanOrEqual(GiB);
      }
    }),
  );
});

test('large chunks come first, and every worker gets something to do', () => {
  const list = [
    table(
      'log',
      Array.from({ length: 40 }, () => ({ rows: 9, rawBytes: 100 * MiB })),
    ),
    ...Array.from({ length: 200 }, (_, index) => table(`small${index}`, [{ rows: 1, rawBytes: 1000 }])),
  ];
  const plans = planLoad(list, 8);
  expect(plans.length).toBeGreaterThanOrEqual(24);
  expect(plans.slice(0, 40).every(({ chunks }) => chunks[0]?.table.name === 'log')).toBe(true);
});

test('the shards of twenty terabytes are no more than ten thousand, and about as large as one another', () => {
  const chunks = Array.from({ length: 40_000 }, (_, index) => ({ rows: 9, rawBytes: 512 * MiB + index }));
  const plans = planLoad([table('log', chunks)], 64);
  expect(plans.length).toBeLessThanOrEqual(10_000);
  expect(plans.reduce((sum, plan) => sum + plan.chunks.length, 0)).toBe(40_000);
  expect(Math.max(...plans.map((plan) => plan.chunks.length))).toBeLessThanOrEqual(6);
});

test('what a worker reads of its plan does not grow with the other chunks of its tables', () => {
  const bytesOf = (count: number) => {
    const chunks = Array.from({ length: count }, () => ({ rows: 9, rawBytes: 900 * MiB }));
    const [plan] = planLoad([table('log', chunks)], 2);
    return JSON.stringify(plan).length;
  };
  expect(bytesOf(5_000)).toBeLessThan(bytesOf(5) + 20);
});
