import { z } from 'zod';

const price = z.number().nonnegative();

/** What is paid for, in one currency; `--prices FILE` takes a JSON document of this form. */
export const Prices = z.strictObject({
  /** What it says: where the prices apply, and when they were looked up. */
  region: z.string(),
  asOf: z.string(),
  currency: z.string().default('USD'),
  lambda: z.strictObject({
    /** arm64, first tier. */
    gbSecond: price,
    millionRequests: price,
  }),
  /** Standard workflows. */
  stepFunctions: z.strictObject({ thousandTransitions: price }),
  /** The class Standard, first 50 TB. */
  s3: z.strictObject({ gbMonth: price, thousandPuts: price, thousandGets: price }),
  /** A NAT gateway, and an interface endpoint in one availability zone. */
  network: z.strictObject({ natGatewayHour: price, endpointHour: price }).optional(),
});
export type Prices = z.infer<typeof Prices>;

/** List prices without tax, free tiers and discounts, from AWS' own pricing pages. */
const asOf = '2026-11';
const lambda = { gbSecond: 0.0000133334, millionRequests: 0.2 };
const stepFunctions = { thousandTransitions: 0.025 };
const s3 = { gbMonth: 0.023, thousandPuts: 0.005, thousandGets: 0.0004 };
const network = { natGatewayHour: 0.045, endpointHour: 0.01 };
const common = { asOf, currency: 'USD', lambda, stepFunctions };

const listed: readonly Prices[] = [
  { ...common, region: 'us-east-1', s3, network },
  { ...common, region: 'us-east-2', s3, network },
  { ...common, region: 'us-west-2', s3, network },
  { ...common, region: 'eu-west-1', s3, network: { natGatewayHour: 0.048, endpointHour: 0.011 } },
  {
    ...common,
    region: 'eu-central-1',
    s3: { gbMonth: 0.0245, thousandPuts: 0.0054, thousandGets: 0.00043 },
    network: { natGatewayHour: 0.052, endpointHour: 0.012 },
  },
];

export const listedRegions: readonly string[] = listed.map(({ region }) => region);

/** undefined for a region whose prices this program doesn't know. */
export function pricesOf(region: string): Prices | undefined {
  return listed.find((prices) => prices.region === region);
}
