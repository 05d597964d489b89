import { describe, expect, test } from 'vitest';
import { nautobotOf } from '../../bench/sizes/nautobot-of.ts';
import { estimateBackup } from '../../functions/estimate/estimate-backup.ts';
import { estimateRestore } from '../../functions/estimate/estimate-restore.ts';
import { tablesTooLong } from '../../functions/estimate/tables-too-long.ts';

const options = { jobs: 16, shardBytes: 256 * 1024 ** 2, serverVersion: 160_000 };
const of = (bytes: number, jobs = 16) => ({
  backup: estimateBackup(nautobotOf({ bytes }), { ...options, jobs }),
  restore: estimateRestore(nautobotOf({ bytes }), { ...options, jobs }),
});

test('tables that one COPY has to read name themselves when a function would not finish them', () => {
  const names = (bytes: number, version: number) =>
    tablesTooLong(nautobotOf({ bytes }), version).map(({ name }) => name);
  expect(names(1e12, 130_000)).toEqual(['extras_objectchange']);
  expect(names(1e12, 140_000)).toEqual([]);
  expect(names(1e10, 130_000)).toEqual([]);
});

describe('an estimate', () => {
  test('grows with the database in everything that it counts', () => {
    const sizes = [1e8, 1e9, 1e10, 1e11, 1e12, 1e13].map((bytes) => of(bytes));
    for (const run of ['backup', 'restore'] as const) {
      const figures = sizes.map(({ [run]: { seconds, gbSeconds, requests } }) => [
        seconds,
        gbSeconds,
        requests.gets + requests.puts,
      ]);
      for (const [index, larger] of figures.entries()) {
        if (index === 0) continue;
        // A few requests more or less decide nothing while shards are being cut for the workers
        for (const [figure, value] of larger.entries())
          expect(value, `${run} ${index} ${figure}`).toBeGreaterThan(
            0.95 * (figures[index - 1]?.[figure] ?? 0),
          );
      }
    }
  });

  test('says that more workers finish earlier and use no more of Lambda to speak of', () => {
    const few = of(1e12, 4);
    const many = of(1e12, 64);
    expect(many.backup.seconds).toBeLessThan(few.backup.seconds / 8);
    expect(many.restore.seconds).toBeLessThan(few.restore.seconds / 2);
    expect(many.backup.gbSeconds).toBeLessThan(few.backup.gbSeconds * 1.05);
  });

  test('counts a keeper for every nine minutes that the snapshot is open', () => {
    const { backup } = of(1e12, 4);
    const keepers = backup.handlers.find(({ handler }) => handler === 'KeepSnapshot');
    expect(backup.seconds).toBeGreaterThan(3600);
    expect(keepers?.invocations).toBeGreaterThan(backup.seconds / 540 - 2);
    expect(keepers?.invocations).toBeLessThanOrEqual(Math.ceil(backup.seconds / 540));
  });

  test('has text and stored bytes in the proportions that were measured', () => {
    const { backup } = of(1.5e9);
    expect(backup.textBytes / 1.5e9).toBeGreaterThan(1.6);
    expect(backup.textBytes / 1.5e9).toBeLessThan(2.2);
    expect(backup.storedBytes / backup.textBytes).toBeGreaterThan(0.05);
    expect(backup.storedBytes / backup.textBytes).toBeLessThan(0.12);
  });

  test('of a backup of definitions alone has no workers', () => {
    const shape = { ...nautobotOf({ bytes: 1e9 }), tables: [], definitionOnly: 229, media: null };
    const backup = estimateBackup(shape, options);
    expect(backup).toMatchObject({ shards: 0, mediaShards: 0, textBytes: 0, storedBytes: 0 });
    expect(backup.handlers.some(({ handler }) => handler === 'CopyShard')).toBe(false);
    expect(estimateRestore(shape, options)).toMatchObject({ shards: 0, mediaShards: 0 });
  });
});
