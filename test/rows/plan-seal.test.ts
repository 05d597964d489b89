import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planShards } from '../../functions/rows/plan-shards.ts';
import type { TableToRead } from '../../functions/snapshot/tables.ts';
import type { Piece } from '../../functions/store/object-store.ts';
import { type Part, planParts, planReads, s3Limits } from '../../functions/store/plan-parts.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
/** "Amazon S3 multipart upload limits": an object of 48.8 TiB is one of 10,000 parts of 5 GiB. */
const largestObject = 48.8 * 1024 * GiB;

/** Sizes from 1 MB to 10 TB, each order of magnitude as often as the others. */
const databaseBytes = fc.double({ min: 6, max: 13, noNaN: true }).map((power) => Math.floor(10 ** power));

interface Database {
  readonly bytes: number;
  /** Shares of the tables, which add up to about one. */
  readonly shares: readonly number[];
  readonly shardBytes: number;
  readonly jobs: number;
}

const database: fc.Arbitrary<Database> = fc.record({
  bytes: databaseBytes,
  shares: fc
    .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })
    .map((weights) => weights.map((weight) => weight / weights.reduce((sum, each) => sum + each, 0))),
  shardBytes: fc.constantFrom(MiB, 16 * MiB, 256 * MiB, 4 * GiB),
  jobs: fc.constantFrom(1, 2, 16, 64, 1000),
});

function tablesOf({ bytes, shares }: Database): TableToRead[] {
  return shares.map((share, index) => {
    const own = Math.ceil(bytes * share);
    return {
      oid: index + 1,
      schema: 'public',
      name: `t${index}`,
      columns: ['id'],
      // Four fifths in TOAST
      pages: Math.ceil(own / 5 / 8192),
      bytes: own,
      condition: null,
      loadThrough: null,
    };
  });
}

/** The working objects of a backup, when what was compressed has `ratioOf` times the bytes that were planned. */
function piecesOf(from: Database, ratioOf: (shard: number) => number): Piece[] {
  const { shards } = planShards(tablesOf(from), { ...from, serverVersion: 160_000 });
  const rows = shards.map(({ shard, bytes }) => ({
    key: `shards/${shard}`,
    etag: `"${shard}"`,
    offset: 0,
    length: Math.max(1, Math.round(bytes * ratioOf(shard))),
  }));
  const text = (key: string, length: number) => ({ key, etag: '"1"', offset: 0, length });
  return [text('pre-data', 70_000), ...rows, text('sequences', 900), text('post-data', 40_000)];
}

function expectWithinS3(parts: readonly Part[], pieces: readonly Piece[]): void {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  expect(parts.reduce((sum, { length }) => sum + length, 0)).toBe(bytes);
  expect(bytes).toBeLessThanOrEqual(largestObject);
  expect(parts.length).toBeLessThanOrEqual(10_000);
  expect(parts.at(-1)?.number).toBe(parts.length);
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(5 * GiB);
  const allButLast = parts.slice(0, -1).map(({ length }) => length);
  expect(Math.min(5 * MiB, ...allButLast)).toBe(5 * MiB);
}

/** A number from 0 to 1 that depends on both: shards differ, runs don't. */
function spread(seed: number, shard: number): number {
  const turned = Math.imul((seed ^ (shard * 0x9e3779b1)) >>> 0, 0x85ebca6b) >>> 0;
  return ((turned ^ (turned >>> 15)) >>> 0) / 2 ** 32;
}

test('what is sealed stays within the limits of S3, however wrong the estimates were', () => {
  const ratio = fc.double({ min: 0.01, max: 2, noNaN: true });
  fc.assert(
    fc.property(database, ratio, ratio, fc.nat(), (from, one, other, seed) => {
      const pieces = piecesOf(from, (shard) => one + (other - one) * spread(seed, shard));
      expectWithinS3(planParts(pieces, s3Limits), pieces);
      expectWithinS3(planReads(pieces, s3Limits, 16 * MiB), pieces);
    }),
    { numRuns: 300 },
  );
});

test('a database of terabytes is sealed by copies inside S3, though shards compress up to four times as well', () => {
  fc.assert(
    fc.property(
      fc.record({
        bytes: fc.integer({ min: 1e12, max: 1e13 }),
        seed: fc.nat(),
        shardBytes: fc.constant(256 * MiB),
      }),
      ({ bytes, seed, shardBytes }) => {
        const from = { bytes, shares: [0.9, 0.05, 0.03, 0.02], shardBytes, jobs: 64 };
        const pieces = piecesOf(from, (shard) => 0.06 + 0.14 * spread(seed, shard));
        const parts = planParts(pieces, s3Limits);
        expectWithinS3(parts, pieces);
        const read = parts.filter(({ kind }) => kind === 'read').reduce((sum, { length }) => sum + length, 0);
        const total = parts.reduce((sum, { length }) => sum + length, 0);
        expect(read / total).toBeLessThan(0.002);
      },
    ),
    { numRuns: 30 },
  );
});
