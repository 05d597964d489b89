import { z } from 'zod';
import { checkCoherence } from './coherence.ts';
import { Account, Arn } from './fields.ts';
import { Network } from './network.ts';
import { Source } from './source.ts';
import { Store } from './store.ts';
import { Target } from './target.ts';

const Notifications = z.strictObject({
  emails: z.array(z.email()).default([]).describe('Addresses that get a mail; each has to confirm once.'),
  topicArn: Arn.optional().describe('An SNS topic of yours, in place of one that this deployment makes.'),
  topicKeyArn: Arn.optional().describe('The KMS key that encrypts that topic.'),
});

const Alarms = z.strictObject({
  enabled: z.boolean().default(true).describe('false: no alarms.'),
  noBackupForHours: z
    .int()
    .min(1)
    .max(168)
    .default(26)
    .describe("Hours without a sealed backup after which the dead-man's switch goes off."),
  snapshotHours: z
    .number()
    .positive()
    .default(4)
    .describe("Hours after which a backup's snapshot, which holds back vacuum at the source, is reported."),
});

const Lambda = z.strictObject({
  memory: z
    .record(z.string(), z.int().min(128).max(10_240))
    .default({})
    .describe('MiB by handler, where other than usual: `{"CopyShard": 3008}`.'),
  reservedConcurrency: z
    .record(z.string(), z.int().min(1))
    .default({})
    .describe('Reserved concurrency by handler. Usually none: small accounts refuse it.'),
});

const Logs = z.strictObject({
  retentionDays: z
    .union(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653].map((d) => z.literal(d)),
      {
        error:
          'is no retention that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, …',
      },
    )
    .default(90)
    .describe('Days for which logs are kept.'),
});

/** The shape of `replicator.config.json` (or `.yaml`), field by field. */
export const ConfigurationFields = z.strictObject({
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,29}$/, 'must be 1 to 30 letters, digits and -, beginning with a letter')
    .default('NautobotReplicator')
    .describe("The stack's name, and the beginning of all others."),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is not a region')
    .optional()
    .describe('Where to deploy; left out: what the AWS settings say.'),
  account: Account.optional().describe(
    'The account to deploy to, as a precaution; left out: that of the credentials.',
  ),
  tags: z.record(z.string(), z.string()).default({}).describe('Tags of everything that is made.'),
  network: Network.describe('Where functions run and how they reach AWS.'),
  store: Store.prefault({}).describe('The bucket of all backups.'),
  source: Source.optional().describe(
    'What is backed up; left out: the deployment only restores (`store.restoreFrom`).',
  ),
  targets: z.array(Target).default([]).describe('What is rebuilt from backups; each is a stack of its own.'),
  notifications: Notifications.prefault({}).describe('Who is told about runs and alarms.'),
  alarms: Alarms.prefault({}).describe('What is worth being woken for.'),
  lambda: Lambda.prefault({}).describe('Exceptions for functions.'),
  logs: Logs.prefault({}).describe('Logs of functions and machines.'),
});

/** All that a deployment has to say. */
export const Configuration = ConfigurationFields.superRefine(checkCoherence);
export type Configuration = z.infer<typeof Configuration>;
