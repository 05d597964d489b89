import type { Prices } from './prices.ts';

/** How functions in a VPC reach AWS; `existing`: by what is there already. */
export const networkChoices = ['existing', 'nat', 'endpoints'] as const;
export type NetworkChoice = (typeof networkChoices)[number];

/** Of Step Functions and Secrets Manager; S3 has a gateway endpoint, which costs nothing. */
const interfaceEndpoints = 2;
const hoursAMonth = 730;

/**
 * What the network costs a month whether or not anything runs; bytes aside, for those go to S3 by its gateway endpoint.
 * @param zones availability zones: an interface endpoint in each, and one NAT gateway for all
 * @returns undefined where the prices say nothing of networks
 */
export function networkMonth(choice: NetworkChoice, zones: number, { network }: Prices): number | undefined {
  if (choice === 'existing') return 0;
  if (!network) return undefined;
  const hourly =
    choice === 'nat' ? network.natGatewayHour : interfaceEndpoints * zones * network.endpointHour;
  return hourly * hoursAMonth;
}
