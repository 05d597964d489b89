import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineCrc32, crc32Text, crc32Value } from '../../functions/archive/crc32-combine.ts';

describe('checksums of concatenations', () => {
  it('are those of the bytes, for any two stretches', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.uint8Array({ maxLength: 5000 }), (a, b) => {
        expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(b, crc32(a)));
      }),
    );
  });

  it('are those of the bytes, for any number of stretches', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (parts) => {
        const combined = parts.reduce((crc, part) => combineCrc32(crc, crc32(part), part.length), 0);
        expect(combined).toBe(crc32(Buffer.concat(parts)));
      }),
    );
  });

  it('do not depend on how stretches of many tebibytes are grouped', () => {
    const length = fc.nat(2 ** 31).map((n) => n * 4096 + (n % 4096));
    const sum = fc.nat(0xffffffff);
    fc.assert(
      fc.property(sum, sum, sum, length, length, (a, b, c, second, third) => {
        const left = combineCrc32(combineCrc32(a, b, second), c, third);
        const right = combineCrc32(a, combineCrc32(b, c, third), second + third);
        expect(left).toBe(right);
      }),
    );
  });

  it('hold for 256 MiB of zeros, as computed over the bytes', () => {
    const mebibyte = Buffer.alloc(1024 * 1024);
    let direct = crc32('head');
    for (let i = 0; i < 256; i += 1) direct = crc32(mebibyte, direct);
    let zeros = 0;
    for (let i = 0; i < 256; i += 1) zeros = crc32(mebibyte, zeros);
    expect(combineCrc32(crc32('head'), zeros, 256 * 1024 * 1024)).toBe(direct);
  });

  it('are written as eight hexadecimal digits and read back', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (crc) => {
        expect(crc32Text(crc)).toMatch(/^[0-9a-f]{8}$/);
        expect(crc32Value(crc32Text(crc))).toBe(crc);
      }),
    );
  });
});
