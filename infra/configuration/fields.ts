import { z } from 'zod';

/** Fields that several parts of the configuration have. Ids and ARNs only: no secret, no look-up in an account. */

export const Arn = z.string().regex(/^arn:[\w-]+:[\w-]+:[\w-]*:\d*:.+$/, 'is not an ARN');

const idOf = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}-[0-9a-f]{8,17}$`), `is not an id of the form ${prefix}-…`);

export const subnetIds = z.array(idOf('subnet')).min(1);
export const securityGroupIds = z.array(idOf('sg')).min(1).max(5);
export const routeTableIds = z.array(idOf('rtb'));
export const vpcId = idOf('vpc');

export const Account = z.string().regex(/^\d{12}$/, 'is not an account number of 12 digits');

export const Secret = z.strictObject({
  secretArn: Arn.describe('The secret in Secrets Manager.'),
  keyArn: Arn.optional().describe("The KMS key that encrypts the secret, where it isn't AWS' own."),
});

/** The name of a built-in profile, or a file that is copied into the functions' assets. */
export const Profile = z
  .string()
  .min(1)
  .describe(
    'A built-in profile by its name, or a file of yours (`./profiles/ours.yaml`), see docs/profiles.md.',
  );

const IamLogin = z.strictObject({
  host: z.string().min(1).describe('The endpoint of the instance, cluster or proxy.'),
  port: z.int().min(1).max(65535).default(5432).describe('Its port.'),
  database: z.string().min(1).default('nautobot').describe('The name of the database.'),
  user: z.string().min(1).describe('The role, a member of `rds_iam`.'),
  resourceId: z
    .string()
    .regex(/^(db|cluster|prx)-[A-Za-z0-9]+$/, 'is not a resource id (db-…, cluster-…, prx-…)')
    .describe(
      'The resource id (`DbiResourceId`, `DbClusterResourceId`), which `rds-db:connect` is allowed on.',
    ),
});

const SecretLogin = Secret.extend({
  database: z
    .string()
    .min(1)
    .optional()
    .describe('The name of the database, where the secret is the document that RDS makes and names none.'),
});

export const Database = z
  .union([z.strictObject({ iam: IamLogin.describe('IAM database authentication.') }), SecretLogin], {
    error: 'needs either secretArn or iam with host, user and resourceId',
  })
  .describe('How to log in: a secret that is a PostgreSQL URL or the document that RDS makes, or `iam`.');

const MediaMount = z.strictObject({
  accessPointArn: Arn.describe('The EFS access point, whose root is the media directory.'),
  fileSystemArn: Arn.describe('Its file system.'),
});

const RemoteStorage = z.strictObject({
  remoteStorage: z.string().min(1).describe('Where media are instead, in words that go into the manifest.'),
});

const MediaError = { error: 'needs accessPointArn and fileSystemArn, or remoteStorage' };
export const SourceMedia = z
  .union([MediaMount, RemoteStorage], MediaError)
  .describe('Media files: an EFS access point, or `remoteStorage` where Nautobot keeps them elsewhere.');

const bucketUri = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^/]+)*\/?$/, 'is not of the form s3://bucket/prefix');

const MediaBucketCopy = z.strictObject({
  copyFrom: bucketUri.describe("The source's media in S3, `s3://bucket/prefix`, in this region."),
  copyTo: bucketUri.describe("The target's media: what differs there is replaced by every restore."),
  removeOthers: z.boolean().default(false).describe('Remove from `copyTo` what `copyFrom` has not.'),
  copyFromKeyArn: Arn.optional().describe("The KMS key of the source's bucket, where it has one."),
  copyToKeyArn: Arn.optional().describe("The KMS key of the target's bucket, where it has one."),
});

export const TargetMedia = z
  .union([MediaMount, MediaBucketCopy], {
    error: 'needs accessPointArn and fileSystemArn, or copyFrom and copyTo',
  })
  .describe(
    'Media files: an EFS access point whose root is the media directory, or the buckets of a remote storage backend.',
  );

const keyPrefix = z
  .string()
  .min(1)
  .optional()
  .describe("`KEY_PREFIX` of Nautobot's `CACHES` setting, where it has one.");
const CacheUrl = Secret.extend({ keyPrefix }).describe('A secret that is a Redis URL.');
export const Broker = Secret.describe("Celery's broker, a secret that is a Redis URL.");
const CacheEndpoint = z.strictObject({
  host: z
    .string()
    .min(1)
    .describe('The endpoint of Redis or Valkey; of a cluster, its configuration endpoint.'),
  port: z.int().min(1).max(65535).default(6379).describe('Its port.'),
  tls: z.boolean().default(true).describe('Speak TLS.'),
  user: z
    .string()
    .min(1)
    .optional()
    .describe("The user's name, where the server has an access control list."),
  password: Secret.optional().describe('A secret that is the password (AUTH), as bare text.'),
  keyPrefix,
});
export const Cache = z
  .union([CacheEndpoint, CacheUrl], { error: 'needs either secretArn or host' })
  .describe('The cache to invalidate: a secret that is a Redis URL, or an endpoint.');

/** EventBridge Scheduler's own syntax. */
const expression = z
  .string()
  .regex(
    /^(cron\(\S+( \S+){5}\)|rate\(\d+ (minute|hour|day)s?\))$/,
    'is neither cron(…) of six fields nor rate(…)',
  )
  .describe('`cron(0 3 * * ? *)` or `rate(1 day)`, as EventBridge Scheduler has it.');

export const scheduleFields = {
  expression,
  timeZone: z
    .string()
    .refine(isTimeZone, { error: 'is not a time zone of the IANA database' })
    .default('UTC')
    .describe('In whose time a cron expression is meant, daylight saving included.'),
  flexibleMinutes: z
    .int()
    .min(0)
    .max(1440)
    .default(15)
    .describe('Minutes after the time within which it starts; 0: at once.'),
  enabled: z.boolean().default(true).describe('false keeps the schedule and starts nothing.'),
};

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Options that a machine's input has, as they were given: what is left out stays so. */
export function inputOf(options: z.ZodType) {
  return z.record(z.string(), z.unknown()).superRefine((given, context) => {
    const parsed = options.safeParse(given);
    for (const issue of parsed.error?.issues ?? []) context.addIssue({ ...issue });
  });
}

/** What source and targets alike say of their profile. */
export const masking = {
  profile: Profile.optional(),
  maskKey: Secret.optional().describe("The secret that a profile's masks are keyed with."),
};

export const jobs = z
  .int()
  .min(1)
  .max(1000)
  .default(4)
  .describe('Workers, and connections to the database, at once where an execution does not say.');
