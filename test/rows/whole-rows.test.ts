import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CopyRows } from '../../functions/postgres/session.ts';
import { RowsIncomplete } from '../../functions/rows/errors.ts';
import { takeWholeRows } from '../../functions/rows/whole-rows.ts';

/** A COPY whose bytes arrive cut at the places given. */
function copyOf(bytes: Buffer, cuts: readonly number[], rows: number | undefined): CopyRows {
  const places = [0, ...cuts.map((cut) => (bytes.length === 0 ? 0 : cut % bytes.length)), bytes.length];
  places.sort((a, b) => a - b);
  return {
    rows,
    async *[Symbol.asyncIterator]() {
      for (let index = 1; index < places.length; index++) {
        const slice = bytes.subarray(places[index - 1], places[index]);
        if (slice.length > 0) yield slice;
      }
    },
  };
}

const row = fc.oneof(
  fc.constant(''),
  fc.stringMatching(/^[a-zé\t\\]{0,5}$/),
  fc.stringMatching(/^[a-z]{40,90}$/),
);
const rows = fc.oneof(fc.array(row), fc.array(row, { minLength: 60, maxLength: 300 }));

test('rows are handed on whole and counted, wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.array(fc.nat(), { maxLength: 20 }), async (lines, cuts) => {
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const pieces: Buffer[] = [];
      let counted = 0;
      const total = await takeWholeRows(copyOf(bytes, cuts, lines.length), async (piece, count) => {
        expect(piece.at(-1)).toBe(0x0a);
        expect(count).toBe(piece.toString('latin1').split('\n').length - 1);
        pieces.push(Buffer.from(piece));
        counted += count;
      });
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
      expect([total, counted]).toEqual([lines.length, lines.length]);
    }),
  );
});

const ignore = async () => {};

test('a COPY that ends in the middle of a row is refused', async () => {
  await expect(takeWholeRows(copyOf(Buffer.from('1\n2\n3'), [], 3), ignore)).rejects.toThrow(RowsIncomplete);
});

test.each([1, 3, undefined])('two rows where the server counts %s are refused', async (counted) => {
  await expect(takeWholeRows(copyOf(Buffer.from('1\n2\n'), [2], counted), ignore)).rejects.toThrow(
    RowsIncomplete,
  );
});

test('a row that slices share is given away when it is large, and lent in the same memory when it is small', async () => {
  const small = Buffer.from(`${'a'.repeat(50)}\n${'b'.repeat(50)}\n`);
  const large = Buffer.from(`${'c'.repeat(3_000_000)}\n`);
  const shared: { bytes: Buffer; given: boolean }[] = [];
  const keep = async (bytes: Buffer, _count: number, given: boolean) => {
    shared.push({ bytes, given });
  };
  await takeWholeRows(copyOf(small, [10, 60], 2), keep);
  await takeWholeRows(copyOf(large, [1, 1_000_000, 2_000_000], 1), keep);
  expect(shared.map(({ given }) => given)).toEqual([false, false, true]);
  expect(shared[0]?.bytes.buffer).toBe(shared[1]?.bytes.buffer);
  expect(shared[2]?.bytes.equals(large)).toBe(true);
});

test('a row for which there is no memory is refused by name before it is read, with what it takes', async () => {
  const begun = {
    rows: 1,
    missing: 8e12,
    async *[Symbol.asyncIterator]() {
      yield Buffer.from('1\tdeadbeef');
    },
  };
  await expect(takeWholeRows(begun, ignore, 'public.huge')).rejects.toThrow(
    /^a row of public\.huge has 8000001 MB of text, which takes .* of memory, and \d+ MB are available.*CopyShard/,
  );
});
