import { expect, test } from 'vitest';
import type { TableEntry } from '../../functions/archive/manifest.ts';
import { expectedLength } from '../../functions/target/index-length.ts';

const table = (rows: number, rawBytes: number): TableEntry => ({
  schema: 'public',
  name: 't',
  columns: ['a'],
  rows,
  rawBytes,
  content: 'rows',
  loadThrough: null,
  chunks: [],
});

test('indexes are begun with the longest: of larger tables, of slower methods, of all rows', () => {
  const [large, many, small] = [table(1_000, 9e9), table(3_000_000, 2e8), table(1_000, 1e6)];
  const index = (rest: string) => `CREATE INDEX i ON public.t ${rest}`;
  const order = [
    expectedLength(index('USING gin (a)'), large),
    expectedLength(index('USING btree (a)'), large),
    expectedLength(index('USING btree (a)'), many),
    expectedLength(index('USING btree (a) WHERE (a > 0)'), many),
    expectedLength(index('USING brin (a)'), many),
    expectedLength('CREATE UNIQUE INDEX "USING gin" ON public.t (a)', small),
    expectedLength(index('USING btree (a)'), undefined),
  ];
  expect(order).toEqual([...order].sort((one, other) => other - one));
  expect(new Set(order).size).toBe(order.length);
});
