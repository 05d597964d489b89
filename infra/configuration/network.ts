import { z } from 'zod';
import { routeTableIds, securityGroupIds, subnetIds, vpcId } from './fields.ts';

/** AWS services that functions call from inside the VPC. Logs, metrics and traces leave through Lambda itself. */
export const reachedServices = ['s3', 'states', 'secretsmanager'] as const;
export type ReachedService = (typeof reachedServices)[number];

export const Network = z.strictObject({
  vpcId: vpcId.optional().describe('The VPC; needed for `access: endpoints` only.'),
  subnetIds: subnetIds.describe('Private subnets for the functions, in two availability zones or more.'),
  securityGroupIds: securityGroupIds.describe(
    'Security groups of the functions: they must be let in by database, EFS and cache, and out to them and HTTPS.',
  ),
  access: z
    .enum(['nat', 'endpoints', 'existing'])
    .default('nat')
    .describe(
      'How functions reach AWS: through a NAT gateway that is there, through VPC endpoints that this deployment makes, or through endpoints that exist.',
    ),
  routeTableIds: routeTableIds
    .default([])
    .describe('Route tables of the subnets, for the gateway endpoint of S3 (`access: endpoints`).'),
  existingEndpoints: z
    .array(z.enum(reachedServices))
    .default([])
    .describe('What `access: existing` can count on; what is needed and missing is refused at synthesis.'),
});
export type Network = z.infer<typeof Network>;

/** Where a target's functions run, if not where the source's do. */
export const TargetNetwork = z.strictObject({
  subnetIds: subnetIds.describe('As in `network`.'),
  securityGroupIds: securityGroupIds.describe('As in `network`.'),
});
