import { z } from 'zod';
import { BackupOptions, RestoreOptions } from '../../functions/run/state.ts';
import {
  Arn,
  Broker,
  Cache,
  Database,
  inputOf,
  jobs,
  masking,
  Secret,
  scheduleFields,
  securityGroupIds,
  subnetIds,
  TargetMedia,
} from './fields.ts';
import { TargetNetwork } from './network.ts';

const EcsTask = z.strictObject({
  clusterArn: Arn.describe('The ECS cluster.'),
  taskDefinitionArn: Arn.describe('A Nautobot task definition; without its revision: the newest.'),
  containerName: z.string().min(1).describe('The container in it whose command is replaced.'),
  command: z.array(z.string()).min(1).describe('The command: `["nautobot-server", "post_upgrade"]`.'),
  roleArns: z
    .array(Arn)
    .min(1)
    .describe(
      "The task definition's roles (of the task and of its execution), which Step Functions hands to it.",
    ),
  subnetIds: subnetIds.describe('Where the task runs.'),
  securityGroupIds: securityGroupIds.describe('Its security groups.'),
  launchType: z.enum(['FARGATE', 'EC2']).default('FARGATE').describe('What the cluster runs it on.'),
  assignPublicIp: z
    .boolean()
    .default(false)
    .describe("For subnets that reach the image's registry no other way."),
  timeoutSeconds: z
    .int()
    .min(60)
    .max(86_400)
    .default(3600)
    .describe('The task is stopped after that, and the run fails.'),
});
export type EcsTask = z.infer<typeof EcsTask>;

export const Target = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,15}$/, 'must be 1 to 16 of a-z, 0-9 and -, beginning with a letter')
    .describe("Part of the stack's and the machines' names."),
  database: Database,
  allowedTargets: z
    .array(z.string().regex(/^[^,\s]+\/[^,\s]+$/, 'is not of the form host:port/database'))
    .default([])
    .describe(
      'Databases that a restore may go into (`host:port/database`), whatever the secret says; with `iam` its own.',
    ),
  media: TargetMedia.optional(),
  cache: z
    .union(
      [...Cache.options, z.strictObject({ ecsTask: EcsTask.describe('A command that invalidates it.') })],
      {
        error: 'needs secretArn, host or ecsTask',
      },
    )
    .optional()
    .describe(
      'The cache to invalidate: a secret that is a Redis URL, an endpoint, or a command that does it.',
    ),
  broker: Broker.optional().describe(
    "A secret that is the URL of Celery's broker, for executions that ask to drain it; left out: database 0 beside the cache.",
  ),
  ...masking,
  adminPassword: Secret.optional().describe(
    'A secret that is the password of the administrators a profile makes.',
  ),
  network: TargetNetwork.optional().describe("Where its functions run, if not where the source's do."),
  afterRestore: EcsTask.optional().describe('A task that ECS runs once the restored database is in use.'),
  keepPrevious: z.boolean().default(false).describe('Keep what was replaced, for `undo`.'),
  jobs,
  schedule: z
    .strictObject({
      ...scheduleFields,
      run: z
        .enum(['restore', 'replicate'])
        .default('restore')
        .describe('`restore`: from the newest backup; `replicate`: make one first.'),
      options: inputOf(RestoreOptions)
        .default({})
        .describe("The Restore machine's input, see docs/deploy.md."),
      backupOptions: inputOf(BackupOptions)
        .default({})
        .describe("With `run: replicate`, the Backup machine's input."),
    })
    .optional()
    .describe('When it is refreshed.'),
});
export type Target = z.infer<typeof Target>;
