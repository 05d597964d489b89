import { expect, test } from 'vitest';
import { bytes, counted, duration, moment } from '../../cli/text/quantities.ts';
import { tableLines } from '../../cli/text/table.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [999_999, '1.0 MB'],
  [41_300_000, '41.3 MB'],
  [412_000_000, '412 MB'],
  [5e15, '5000 TB'],
])('%d bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text);
});

test.each([
  [0.4, '0 ms'],
  [35, '35 ms'],
  [999.6, '1.0 s'],
  [59_949, '59.9 s'],
  [59_951, '1 min 00 s'],
  [185_000, '3 min 05 s'],
  [3_599_700, '1 h 00 min'],
  [7_800_000, '2 h 10 min'],
])('%d milliseconds are %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

test('one is singular, everything else plural', () => {
  expect([0, 1, 2345].map((number) => counted(number, 'row'))).toEqual(['0 rows', '1 row', '2,345 rows']);
});

test('times are shown to the second', () => {
  expect(moment('2026-11-23T05:43:00.123Z')).toBe('2026-11-23 05:43:00Z');
});

test('tables are aligned by characters, numbers to the right, without spaces at the ends of lines', () => {
  const columns = [{ title: 'NAME' }, { title: 'ROWS', right: true }, { title: 'NOTE' }];
  expect(
    tableLines(columns, [
      ['größe😀', '5', ''],
      ['x', '12,345', 'big'],
    ]),
  ).toEqual(['NAME      ROWS  NOTE', 'größe😀       5', 'x       12,345  big']);
});
