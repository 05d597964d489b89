import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { BackupOptions } from '../functions/run/state.ts';

const Arn = z.string().regex(/^arn:[\w-]+:[\w-]+:[\w-]*:\d*:.+$/, 'is not an ARN');

/** A secret whose value is a URL, or the JSON document that RDS makes. `keyArn`: where a key of yours encrypts it. */
const Secret = z.strictObject({ secretArn: Arn, keyArn: Arn.optional() });

/** An EFS access point, mounted by the functions that read or write media. */
const Media = z.strictObject({ accessPointArn: Arn, fileSystemArn: Arn });

/** `replicator.config.json`: all that a deployment has to say. Only ids and ARNs: no secret, no lookup in an account. */
export const Configuration = z.strictObject({
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,49}$/)
    .default('NautobotReplicator'),
  network: z.strictObject({
    vpcId: z.string(),
    subnetIds: z.array(z.string()).min(1),
    securityGroupIds: z.array(z.string()).min(1),
    availabilityZones: z.array(z.string()).min(1),
  }),
  /** Key prefix of everything in the bucket; empty, or ending with `/`. */
  prefix: z
    .string()
    .regex(/^$|^[^/].*\/$/, 'must be empty or end with /, and not begin with it')
    .default(''),
  source: Secret,
  /** Left out: the deployment only makes backups. */
  target: Secret.optional(),
  sourceMedia: Media.optional(),
  targetMedia: Media.optional(),
  /** A Redis URL; left out: caches are not invalidated. */
  cache: Secret.optional(),
  schedule: z
    .strictObject({
      /** EventBridge's own syntax: `cron(0 3 * * ? *)`, `rate(1 day)`; in UTC. */
      expression: z.string().regex(/^(cron|rate)\(.+\)$/),
      options: BackupOptions.partial().default({}),
    })
    .optional(),
  /** Days after which working objects of runs go, whatever became of the run. */
  runsExpireAfterDays: z.int().min(1).default(7),
  logRetentionDays: z.int().min(1).default(90),
});
export type Configuration = z.infer<typeof Configuration>;

/** So that the stack can be synthesised, read and tested where nobody has configured anything. */
export const exampleConfiguration: Configuration = Configuration.parse({
  network: {
    vpcId: 'vpc-00000000000000000',
    subnetIds: ['subnet-00000000000000000', 'subnet-11111111111111111'],
    securityGroupIds: ['sg-00000000000000000'],
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  },
  prefix: 'nautobot/',
  source: { secretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:nautobot/production-AbCdEf' },
  target: { secretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:nautobot/staging-AbCdEf' },
  sourceMedia: {
    accessPointArn: 'arn:aws:elasticfilesystem:eu-central-1:111111111111:access-point/fsap-00000000000000000',
    fileSystemArn: 'arn:aws:elasticfilesystem:eu-central-1:111111111111:file-system/fs-00000000000000000',
  },
  targetMedia: {
    accessPointArn: 'arn:aws:elasticfilesystem:eu-central-1:111111111111:access-point/fsap-11111111111111111',
    fileSystemArn: 'arn:aws:elasticfilesystem:eu-central-1:111111111111:file-system/fs-11111111111111111',
  },
  cache: { secretArn: 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:nautobot/cache-AbCdEf' },
  schedule: { expression: 'cron(0 3 * * ? *)' },
});

/**
 * Reads the configuration file, or takes the example where there is none.
 * @throws Error naming the file and every field that doesn't fit
 */
export function readConfiguration(file: string): Configuration {
  if (!existsSync(file)) return exampleConfiguration;
  const parsed = Configuration.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
