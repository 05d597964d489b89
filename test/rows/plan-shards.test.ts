import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CopyOutlastsHandler } from '../../functions/rows/errors.ts';
import { checkLongCopies } from '../../functions/rows/long-copies.ts';
import { planShards } from '../../functions/rows/plan-shards.ts';
import { type PlannedChunk, ShardPlan } from '../../functions/rows/shard-plan.ts';
import type { TableToRead } from '../../functions/snapshot/tables.ts';

const MiB = 1024 * 1024;

function table(oid: number, pages: number, toast = 0, more: Partial<TableToRead> = {}): TableToRead {
  return {
    oid,
    schema: 'public',
    name: `t${oid}`,
    columns: ['id'],
    pages,
    bytes: pages * 8192 + toast,
    condition: null,
    loadThrough: null,
    ...more,
  };
}

const tables = fc
  .array(
    fc.record({
      pages: fc.oneof(fc.nat(5), fc.nat(100_000)),
      toast: fc.oneof(fc.constant(0), fc.nat(500 * MiB)),
      condition: fc.oneof(
        { weight: 9, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.constant('WHERE x') },
      ),
    }),
    { maxLength: 60 },
  )
  .map((list) =>
    list.map(({ pages, toast, condition }, index) => table(index + 1, pages, toast, { condition })),
  );

const options = fc.record({
  shardBytes: fc.integer({ min: MiB, max: 512 * MiB }),
  jobs: fc.integer({ min: 1, max: 64 }),
  serverVersion: fc.constantFrom(120_000, 130_000, 140_000, 180_000),
});

test('every page of every table is in exactly one chunk, in the order of the file', () => {
  fc.assert(
    fc.property(tables, options, (list, how) => {
      const plan = planShards(list, how);
      expect(plan.shards.map(({ shard }) => shard)).toEqual(plan.shards.map((_, index) => index + 1));
      const chunks = plan.shards.flatMap((shard) => ShardPlan.parse(shard).chunks);
      const inOrder: number[] = [];
      let open: PlannedChunk | undefined;
      for (const chunk of chunks) {
        expect(chunk.first).toBe(open === undefined);
        if (chunk.first) inOrder.push(chunk.oid);
        else expect(chunk.oid).toBe(open?.oid);
        if (chunk.pages === null) expect(chunk.first && chunk.last).toBe(true);
        else {
          expect(chunk.pages.from).toBe(open?.pages?.to ?? 0);
          expect(chunk.pages.to === null).toBe(chunk.last);
          expect(chunk.pageCount).toBeGreaterThan(0);
        }
        open = chunk.last ? undefined : chunk;
      }
      expect(open).toBeUndefined();
      expect(inOrder).toEqual(plan.tables.map(({ oid }) => oid));
      expect([...inOrder].sort((a, b) => a - b)).toEqual(list.map(({ oid }) => oid));
      for (const { oid, pages } of list) {
        const own = chunks.filter((chunk) => chunk.oid === oid);
        expect(own.reduce((sum, chunk) => sum + chunk.pageCount, 0)).toBe(pages);
      }
    }),
  );
});

test('no shard is much larger than asked for, tables that can not be cut aside, unless there would be too many', () => {
  fc.assert(
    fc.property(tables, options, (list, how) => {
      const { shards } = planShards(list, how);
      expect(shards.length).toBeLessThanOrEqual(2_500);
      const total = list.reduce((sum, { bytes }) => sum + bytes + 128 * 1024, 0);
      const most = Math.max(how.shardBytes, (total / 2_500) * 1.25 ** 4) * 1.25 + 2;
      for (const { chunks, bytes } of shards) {
        const cuttable = chunks.every(({ pages, pageCount }) => pages !== null && pageCount > 1);
        if (cuttable || chunks.length > 1) expect(bytes).toBeLessThanOrEqual(most);
      }
    }),
  );
});

test('the same tables in another order give the same plan', () => {
  fc.assert(
    fc.property(tables, options, fc.nat(), (list, how, turn) => {
      const at = list.length === 0 ? 0 : turn % list.length;
      const turned = [...list.slice(at), ...list.slice(0, at)];
      expect(planShards(turned, how)).toEqual(planShards(list, how));
    }),
  );
});

test('servers before 14 give whole tables, however large', () => {
  const { shards } = planShards([table(1, 1_000_000)], {
    shardBytes: 64 * MiB,
    jobs: 4,
    serverVersion: 130_000,
  });
  expect(shards).toHaveLength(1);
  expect(shards[0]?.chunks[0]).toMatchObject({ pages: null, first: true, last: true });
});

test('a small database is cut finer than asked for, so that every worker has something to do', () => {
  const list = Array.from({ length: 200 }, (_, index) => table(index + 1, 100));
  const { shards } = planShards(list, { shardBytes: 256 * MiB, jobs: 4, serverVersion: 180_000 });
  expect(shards.length).toBeGreaterThanOrEqual(8);
  const bytes = shards.map((shard) => shard.bytes);
  expect(Math.max(...bytes)).toBeLessThan(4 * Math.min(...bytes));
});

test('large tables come first, and bytes in TOAST count', () => {
  const list = [table(1, 1000), table(2, 100, 900 * MiB), table(3, 10_000)];
  const { shards, tables: order } = planShards(list, {
    shardBytes: 100 * MiB,
    jobs: 2,
    serverVersion: 180_000,
  });
  expect(order.map(({ oid }) => oid)).toEqual([2, 3, 1]);
  expect(shards.filter(({ chunks }) => chunks[0]?.oid === 2).length).toBeGreaterThanOrEqual(9);
});

test('no tables, no shards', () => {
  expect(planShards([], { shardBytes: MiB, jobs: 2, serverVersion: 180_000 })).toEqual({
    tables: [],
    shards: [],
  });
});

test('a hundred thousand tables are planned in a moment, and the numbers of the shards fit into a state', () => {
  const list = Array.from({ length: 100_000 }, (_, index) =>
    table(index + 1, index % 1000, (index % 7) * 100 * MiB),
  );
  const began = performance.now();
  const { shards } = planShards(list, { shardBytes: MiB, jobs: 100, serverVersion: 180_000 });
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(JSON.stringify(shards.map(({ shard }) => shard)).length).toBeLessThan(262_144);
});

test('a table of one COPY that no lifetime is long enough for is refused by name, a doubtful one is warned of', () => {
  const gigabyte = 1_000 * 1_000 * 1_000;
  const check = (bytes: number, serverVersion: number, seconds: number, condition: string | null = null) => {
    const one = table(1, 1, bytes - 8192, { condition });
    return checkLongCopies(
      planShards([one], { shardBytes: MiB, jobs: 2, serverVersion }),
      serverVersion,
      seconds,
    );
  };
  expect(() => check(200 * gigabyte, 13_00_10, 900)).toThrow(CopyOutlastsHandler);
  expect(() => check(200 * gigabyte, 13_00_10, 900)).toThrow(
    /^public\.t1 \(200000 MB\) can't be read within the 900 s .*since 14.*--exclude-table-data public\.t1/,
  );
  expect(() => check(200 * gigabyte, 18_00_00, 900, 'WHERE x')).toThrow(CopyOutlastsHandler);
  expect(check(60 * gigabyte, 13_00_10, 900)).toEqual([
    expect.stringMatching(/^public\.t1 \(60000 MB\) may take longer than the 900 s/),
  ]);
  expect(check(30 * gigabyte, 13_00_10, 900)).toEqual([]);
  expect(check(200 * gigabyte, 18_00_00, 900)).toEqual([]);
  expect(check(200 * gigabyte, 13_00_10, Number.POSITIVE_INFINITY)).toEqual([]);
});
