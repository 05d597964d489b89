import { z } from 'zod';
import { Account, Arn } from './fields.ts';

export const Prefix = z.string().regex(/^$|^[^/].*\/$/, 'must be empty or end with /, and not begin with it');

const days = z.int().min(1).max(36_500);

/** Only classes that are read at once: a restore, or a list of backups, can't wait for hours. */
const storageClasses = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'GLACIER_IR'] as const;

const Transition = z.strictObject({
  afterDays: z.int().min(0).max(36_500).describe('Days after the backup; STANDARD_IA wants 30 or more.'),
  storageClass: z
    .enum(storageClasses, {
      error: `is none of ${storageClasses.join(', ')}: backups in other classes can't be read at once`,
    })
    .describe('`STANDARD_IA`, `INTELLIGENT_TIERING` or `GLACIER_IR`.'),
});

const ObjectLock = z.strictObject({
  mode: z.enum(['GOVERNANCE', 'COMPLIANCE']).describe('COMPLIANCE: nobody, root included, can shorten it.'),
  days: days.describe('How long a sealed backup can not be deleted.'),
});

const Replication = z.strictObject({
  bucketArn: Arn.describe('A versioned bucket in another region or account, which lets our role in.'),
  account: Account.optional().describe('Its account, where it is another: replicas then belong to it.'),
  keyArn: Arn.optional().describe('The KMS key that encrypts replicas; needed where our bucket has a key.'),
  storageClass: z
    .enum(['STANDARD', ...storageClasses])
    .default('STANDARD')
    .describe("The replicas' class."),
});

const RestoreFrom = z.strictObject({
  bucket: z
    .string()
    .min(3)
    .describe('The bucket, which lets this account read (`store.readers` over there).'),
  prefix: Prefix.default('').describe('Its `store.prefix`.'),
  keyArn: Arn.optional().describe('The KMS key that encrypts it.'),
});

export const Store = z.strictObject({
  prefix: Prefix.default('').describe('Key prefix of everything in the bucket; empty, or ending with `/`.'),
  key: z
    .union([z.enum(['own', 'none']), z.strictObject({ arn: Arn.describe('A KMS key of yours.') })], {
      error: 'is neither "own" nor "none" nor an object with the arn of a key',
    })
    .default('own')
    .describe(
      '`own`: a KMS key is made, for the bucket, logs and topic; `none`: S3 encrypts with its own; or a key of yours.',
    ),
  transitions: z.array(Transition).default([]).describe('Cheaper storage classes for older backups.'),
  backupsExpireAfterDays: days.optional().describe('Days after which backups go; left out: never.'),
  replacedExpireAfterDays: days
    .default(30)
    .describe('Days for which what was deleted can still be brought back (noncurrent versions).'),
  runsExpireAfterDays: days
    .default(7)
    .describe('Days after which working objects of runs go, whatever became of the run.'),
  objectLock: ObjectLock.optional().describe(
    'Retention of sealed backups; only settable when the bucket is made.',
  ),
  replication: Replication.optional().describe('Copies every sealed backup to another bucket.'),
  readers: z
    .array(z.union([Account, Arn]))
    .default([])
    .describe('Accounts (or roles, by ARN) elsewhere that may read backups, to restore from them.'),
  writers: z
    .array(Arn)
    .default([])
    .describe(
      'Roles besides SealBackup that may write under `backups/`: those of people who run the command line.',
    ),
  restoreFrom: RestoreFrom.optional().describe(
    "Restores read backups from here, and not from this deployment's bucket.",
  ),
});
export type Store = z.infer<typeof Store>;
