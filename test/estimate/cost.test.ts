import { expect, test } from 'vitest';
import { costOfMonth, costOfRun } from '../../functions/estimate/cost.ts';
import { listedRegions, Prices, pricesOf } from '../../functions/estimate/prices.ts';

const prices = Prices.parse({
  region: 'here',
  asOf: 'now',
  lambda: { gbSecond: 0.01, millionRequests: 2 },
  stepFunctions: { thousandTransitions: 0.5 },
  s3: { gbMonth: 0.1, thousandPuts: 0.04, thousandGets: 0.003 },
});
const run = {
  seconds: 10,
  handlers: [],
  invocations: 500_000,
  gbSeconds: 300,
  transitions: 4000,
  requests: { gets: 2000, puts: 3000 },
};

test('a run costs its seconds, invocations, transitions and requests', () => {
  const cost = costOfRun(run, prices);
  expect(cost.lambda).toBeCloseTo(300 * 0.01 + 0.5 * 2, 10);
  expect(cost.stepFunctions).toBeCloseTo(2, 10);
  expect(cost.s3Requests).toBeCloseTo(3 * 0.04 + 2 * 0.003, 10);
  expect(cost.total).toBeCloseTo(cost.lambda + cost.stepFunctions + cost.s3Requests, 10);
});

test('a month costs its runs and what is kept, in gigabytes of 1024³ bytes', () => {
  const cost = costOfRun(run, prices);
  const month = costOfMonth(
    { backups: 30, restores: 2, kept: 7 },
    { backup: cost, restore: cost, storedBytes: 3 * 1024 ** 3 },
    prices,
  );
  expect(month.backups).toBeCloseTo(30 * cost.total, 10);
  expect(month.restores).toBeCloseTo(2 * cost.total, 10);
  expect(month.storage).toBeCloseTo(21 * 0.1, 10);
  expect(month.total).toBeCloseTo(32 * cost.total + 2.1, 10);
});

test('every listed region has prices that fit the form of a file of prices, and no other has', () => {
  for (const region of listedRegions) expect(Prices.parse(pricesOf(region)).region).toBe(region);
  expect(pricesOf('mars-north-1')).toBeUndefined();
});
