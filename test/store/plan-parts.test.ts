import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileTooLarge } from '../../functions/store/errors.ts';
import type { Piece } from '../../functions/store/object-store.ts';
import {
  type Part,
  type PartLimits,
  planParts,
  planReads,
  s3Limits,
} from '../../functions/store/plan-parts.ts';

const piecesOf = (maximum: number) =>
  fc.array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      offset: fc.nat(50),
      length: fc.oneof(fc.nat(maximum), fc.nat(6), fc.constant(0)),
    }),
    { maxLength: 40 },
  );
const etags = (pieces: { key: string; offset: number; length: number }[]): Piece[] =>
  pieces.map((piece) => ({ ...piece, etag: `"${piece.key}"` }));

/** Every byte of a file by the object and the place it comes from. */
function bytesOf(pieces: readonly Piece[]): string[] {
  return pieces.flatMap(({ key, etag, offset, length }) =>
    Array.from({ length }, (_, index) => `${key} ${etag} ${offset + index}`),
  );
}

function expectSound(parts: readonly Part[], pieces: readonly Piece[], limits: PartLimits): void {
  expect(bytesOf(parts.flatMap(({ stretches }) => stretches))).toEqual(bytesOf(pieces));
  expect(parts.map(({ number }) => number)).toEqual(parts.map((_, index) => index + 1));
  expect(parts.length).toBeLessThanOrEqual(limits.parts);
  for (const [index, part] of parts.entries()) {
    expect(part.length).toBe(part.stretches.reduce((sum, { length }) => sum + length, 0));
    expect(part.length).toBeGreaterThan(0);
    expect(part.length).toBeLessThanOrEqual(limits.maximum);
    if (index < parts.length - 1) expect(part.length).toBeGreaterThanOrEqual(limits.minimum);
    if (part.kind !== 'copy') continue;
    expect(part.stretches).toHaveLength(1);
    // Of an object no larger than that S3 copies no range
    expect(part.length).toBeGreaterThan(limits.minimum);
  }
}

const limitsOf = fc.record({
  minimum: fc.constant(5),
  maximum: fc.integer({ min: 400, max: 600 }),
  parts: fc.integer({ min: 15, max: 60 }),
  copy: fc.integer({ min: 5, max: 100 }),
});

describe('a plan of parts', () => {
  it('holds every byte once and in order, within the limits of a multipart upload', () => {
    fc.assert(
      fc.property(piecesOf(60), limitsOf, (some, limits) => {
        const pieces = etags(some);
        expectSound(planParts(pieces, limits), pieces, limits);
      }),
    );
  });

  it('holds every byte once and in order when all is read', () => {
    fc.assert(
      fc.property(piecesOf(60), limitsOf, fc.integer({ min: 5, max: 30 }), (some, limits, size) => {
        const pieces = etags(some);
        const parts = planReads(pieces, limits, size);
        expectSound(parts, pieces, limits);
        expect(parts.every(({ kind }) => kind === 'read')).toBe(true);
      }),
    );
  });

  it('reads no more than the minimum around what is too short to be copied', () => {
    fc.assert(
      fc.property(piecesOf(60), (some) => {
        const pieces = etags(some);
        const limits = { minimum: 5, maximum: 1000, parts: 10_000, copy: 100 };
        for (const part of planParts(pieces, limits))
          if (part.kind === 'read') expect(part.length).toBeLessThanOrEqual(limits.minimum);
      }),
    );
  });

  it('copies neighbours of the same object as one', () => {
    const piece = (offset: number, length: number) => ({ key: 'a', etag: '"1"', offset, length });
    const parts = planParts([piece(3, 1), piece(4, 2), piece(6, 9)], { ...s3Limits, minimum: 5 });
    expect(parts).toMatchObject([{ kind: 'copy', stretches: [{ offset: 3, length: 12 }] }]);
  });

  it('keeps to ten thousand parts with very many pieces of a few mebibytes', () => {
    const pieces = Array.from({ length: 30_000 }, (_, index) => ({
      key: `k${index}`,
      etag: '"e"',
      offset: 0,
      length: 6 * 1024 ** 2 + index,
    }));
    const parts = planParts(pieces, s3Limits);
    expect(parts.length).toBeLessThanOrEqual(10_000);
    const planned = parts.reduce((sum, { length }) => sum + length, 0);
    expect(planned).toBe(pieces.reduce((sum, { length }) => sum + length, 0));
  });

  it('plans a file of many tebibytes and refuses one that no object can hold', () => {
    const huge = (length: number) => [{ key: 'k', etag: '"e"', offset: 0, length }];
    expect(planParts(huge(20 * 1024 ** 4), s3Limits).length).toBeLessThanOrEqual(10_000);
    expect(() => planParts(huge(60 * 1024 ** 4), s3Limits)).toThrow(FileTooLarge);
  });
});
