import { describe, expect, test } from 'vitest';
import { costOfMonth, costOfRun } from '../../functions/estimate/cost.ts';
import { networkMonth } from '../../functions/estimate/network.ts';
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
    { backups: 30, restores: 2, kept: 7, network: 'existing', zones: 2 },
    { backup: cost, restore: cost, storedBytes: 3 * 1024 ** 3 },
    prices,
  );
  expect(month.backups).toBeCloseTo(30 * cost.total, 10);
  expect(month.restores).toBeCloseTo(2 * cost.total, 10);
  expect(month.storage).toBeCloseTo(21 * 0.1, 10);
  expect(month.total).toBeCloseTo(32 * cost.total + 2.1, 10);
});

describe('a month of network', () => {
  const priced = { ...prices, network: { natGatewayHour: 0.05, endpointHour: 0.01 } };

  test('costs a NAT gateway by the hour, or two endpoints by the hour and zone, or nothing more', () => {
    expect(networkMonth('nat', 3, priced)).toBeCloseTo(0.05 * 730, 10);
    expect(networkMonth('endpoints', 3, priced)).toBeCloseTo(2 * 3 * 0.01 * 730, 10);
    expect(networkMonth('existing', 3, priced)).toBe(0);
  });

  test('comes on top of what runs and storage cost', () => {
    const runs = { backup: costOfRun(run, priced), restore: costOfRun(run, priced), storedBytes: 0 };
    const month = costOfMonth({ backups: 0, restores: 0, kept: 0, network: 'nat', zones: 2 }, runs, priced);
    expect(month).toMatchObject({ network: 36.5, total: 36.5 });
  });

  test('is not known by a file of prices of earlier versions', () => {
    const runs = { backup: costOfRun(run, prices), restore: costOfRun(run, prices), storedBytes: 0 };
    const month = { backups: 0, restores: 0, kept: 0, network: 'endpoints', zones: 2 } as const;
    expect(costOfMonth(month, runs, prices)).toMatchObject({ network: null, total: 0 });
  });
});

test('every listed region has prices that fit the form of a file of prices, and no other has', () => {
  for (const region of listedRegions) expect(Prices.parse(pricesOf(region)).region).toBe(region);
  expect(pricesOf('mars-north-1')).toBeUndefined();
});
