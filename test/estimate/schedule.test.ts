import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rates, usableSeconds } from '../../functions/estimate/rates.ts';
import { invocationsFor, listSchedule } from '../../functions/estimate/schedule.ts';
import { Lifetime } from '../../functions/run/lifetime.ts';

const tasks = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 60 });
const workers = fc.integer({ min: 1, max: 70 });

test('workers take one task after another, each the next that is waiting', () => {
  fc.assert(
    fc.property(tasks, workers, (seconds, count) => {
      const free = new Array<number>(count).fill(0);
      for (const each of seconds) {
        const first = free.indexOf(Math.min(...free));
        free[first] = (free[first] ?? 0) + each;
      }
      expect(listSchedule(seconds, count)).toBe(Math.max(...free));
    }),
  );
});

test('work that outlasts a function is shared by as many invocations as it takes, each with a start of its own', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (seconds) => {
      const { count, seconds: all } = invocationsFor(seconds);
      expect(count).toBeGreaterThanOrEqual(1);
      expect(all / count).toBeLessThanOrEqual(usableSeconds + 1e-6);
      expect(all).toBeCloseTo(seconds + count * rates.invocationSeconds, 6);
      if (count > 1) expect(seconds).toBeGreaterThan((count - 1) * (usableSeconds - rates.invocationSeconds));
    }),
  );
});

test('a handler works for as long as its lifetime lets it', () => {
  expect(new Lifetime(() => 900_000).leftMs()).toBe(usableSeconds * 1000);
});
