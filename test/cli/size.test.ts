import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSize } from '../../cli/size.ts';

test.each([
  ['0', 0],
  ['1048576', 1_048_576],
  ['10B', 10],
  ['256MiB', 256 * 1024 ** 2],
  ['256M', 256 * 1024 ** 2],
  ['256m', 256 * 1024 ** 2],
  ['1GB', 1_000_000_000],
  ['1.5 GiB', 1.5 * 1024 ** 3],
  [' 2tib ', 2 * 1024 ** 4],
  ['3kB', 3000],
])('reads %j as %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  '',
  ' ',
  'MiB',
  '-1',
  '1e9',
  '0x10',
  '1,5GB',
  '12 parsecs',
  '1EiB',
  '1MiBB',
  '99999999999TiB',
  'NaN',
  '∞',
])('does not take %j for a size', (text) => {
  expect(parseSize(text)).toBeUndefined();
});

test('is never anything but a whole number of bytes', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.stringMatching(/^\d{1,6}(\.\d{1,6})? ?[kmgtKMGT]?i?[bB]?$/)),
      (text) => {
        const bytes = parseSize(text);
        return bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0);
      },
    ),
  );
});
