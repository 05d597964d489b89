import type { z } from 'zod';
import type { ReachedService } from '../configuration/network.ts';
import type { ConfigurationFields } from '../configuration/schema.ts';

type Fields = z.infer<typeof ConfigurationFields>;

/**
 * AWS services that functions call from inside the VPC. S3 for everything, Step Functions to ask whether an execution
 * still runs, Secrets Manager where there is a secret. Not among them: KMS (S3 and Secrets Manager decrypt for their
 * callers), RDS (tokens of IAM authentication are made without a call), SNS and EventBridge (Step Functions announces),
 * and Logs, metrics and X-Ray (Lambda's own, outside the VPC).
 */
export function neededServices(given: Fields): ReachedService[] {
  return ['s3', 'states', ...(usesSecrets(given) ? (['secretsmanager'] as const) : [])];
}

/** Those that `network.existingEndpoints` doesn't name. */
export function missingServices(given: Fields): ReachedService[] {
  return neededServices(given).filter((service) => !given.network.existingEndpoints.includes(service));
}

function usesSecrets({ source, targets }: Fields): boolean {
  return JSON.stringify([source, targets]).includes('"secretArn":');
}
