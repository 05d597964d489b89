import { Configuration } from './schema.ts';

/** So that the stacks can be synthesised, read and tested where nobody has configured anything. */

const region = 'eu-central-1';
const account = '111111111111';
const secret = (name: string) => `arn:aws:secretsmanager:${region}:${account}:secret:${name}-AbCdEf`;
const efs = (kind: string, id: string) => `arn:aws:elasticfilesystem:${region}:${account}:${kind}/${id}`;
const media = (digit: string) => ({
  accessPointArn: efs('access-point', `fsap-${digit.repeat(17)}`),
  fileSystemArn: efs('file-system', `fs-${digit.repeat(17)}`),
});
const network = {
  vpcId: 'vpc-00000000000000000',
  subnetIds: ['subnet-00000000000000000', 'subnet-11111111111111111'],
  securityGroupIds: ['sg-00000000000000000'],
};

/** No more than has to be said. */
export const minimalConfiguration: Configuration = Configuration.parse({
  network: { subnetIds: network.subnetIds, securityGroupIds: network.securityGroupIds },
  source: { database: { secretArn: secret('nautobot/production') } },
});

/** A production and its staging; what `npm run synth` takes where there is no configuration. */
export const exampleConfiguration: Configuration = Configuration.parse({
  network,
  store: { prefix: 'nautobot/' },
  source: {
    database: { secretArn: secret('nautobot/production') },
    media: media('0'),
    cache: { secretArn: secret('nautobot/cache') },
    schedule: { expression: 'cron(0 3 * * ? *)' },
  },
  targets: [
    {
      name: 'staging',
      database: { secretArn: secret('nautobot/staging') },
      media: media('1'),
      cache: { secretArn: secret('nautobot/staging-cache') },
    },
  ],
});

/** Everything that can be said, at once. */
export const fullConfiguration: Configuration = Configuration.parse({
  stackName: 'Replicator',
  region,
  account,
  tags: { team: 'network-automation', purpose: 'backup' },
  network: { ...network, access: 'endpoints', routeTableIds: ['rtb-00000000000000000'] },
  store: {
    prefix: 'nautobot/',
    key: 'own',
    transitions: [
      { afterDays: 30, storageClass: 'STANDARD_IA' },
      { afterDays: 90, storageClass: 'GLACIER_IR' },
    ],
    backupsExpireAfterDays: 400,
    replacedExpireAfterDays: 60,
    runsExpireAfterDays: 3,
    objectLock: { mode: 'GOVERNANCE', days: 35 },
    replication: {
      bucketArn: 'arn:aws:s3:::nautobot-backups-elsewhere',
      account: '222222222222',
      keyArn: 'arn:aws:kms:eu-west-1:222222222222:key/00000000-0000-0000-0000-000000000000',
      storageClass: 'STANDARD_IA',
    },
    readers: ['333333333333'],
    writers: [`arn:aws:iam::${account}:role/backup-operator`],
  },
  source: {
    name: 'production',
    database: {
      iam: {
        host: 'nautobot.cluster-abc.eu-central-1.rds.amazonaws.com',
        user: 'replicator',
        resourceId: 'cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
      },
    },
    media: media('0'),
    cache: {
      host: 'cache.abc.euc1.cache.amazonaws.com',
      user: 'replicator',
      password: { secretArn: secret('nautobot/cache') },
    },
    profile: 'nautobot',
    maskKey: { secretArn: secret('nautobot/mask-key') },
    jobs: 8,
    schedule: {
      expression: 'cron(0 3 * * ? *)',
      timeZone: 'Europe/Berlin',
      flexibleMinutes: 30,
      options: { excludeTableData: ['extras_objectchange'] },
    },
  },
  targets: [
    {
      name: 'staging',
      database: {
        secretArn: secret('nautobot/staging'),
        keyArn: `arn:aws:kms:${region}:${account}:key/11111111-1111-1111-1111-111111111111`,
      },
      media: media('1'),
      cache: { secretArn: secret('nautobot/staging-cache'), keyPrefix: 'staging' },
      broker: { secretArn: secret('nautobot/staging-broker') },
      profile: 'nautobot',
      maskKey: { secretArn: secret('nautobot/mask-key') },
      adminPassword: { secretArn: secret('nautobot/staging-admin') },
      keepPrevious: true,
      jobs: 6,
      afterRestore: {
        clusterArn: `arn:aws:ecs:${region}:${account}:cluster/nautobot`,
        taskDefinitionArn: `arn:aws:ecs:${region}:${account}:task-definition/nautobot:7`,
        containerName: 'nautobot',
        command: ['nautobot-server', 'post_upgrade'],
        roleArns: [
          `arn:aws:iam::${account}:role/nautobot-task`,
          `arn:aws:iam::${account}:role/nautobot-execution`,
        ],
        subnetIds: network.subnetIds,
        securityGroupIds: ['sg-11111111111111111'],
      },
      schedule: {
        expression: 'cron(0 5 ? * MON-FRI *)',
        timeZone: 'Europe/Berlin',
        run: 'replicate',
        backupOptions: { schemaOnly: false },
      },
    },
    {
      name: 'training',
      database: {
        iam: {
          host: 'training.abc.eu-central-1.rds.amazonaws.com',
          user: 'replicator',
          resourceId: 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
        },
      },
      media: {
        copyFrom: 's3://nautobot-media/production/',
        copyTo: 's3://nautobot-training-media',
        removeOthers: true,
        copyFromKeyArn: `arn:aws:kms:${region}:${account}:key/22222222-2222-2222-2222-222222222222`,
        copyToKeyArn: `arn:aws:kms:${region}:${account}:key/33333333-3333-3333-3333-333333333333`,
      },
      network: {
        subnetIds: ['subnet-22222222222222222', 'subnet-33333333333333333'],
        securityGroupIds: ['sg-22222222222222222'],
      },
      schedule: { expression: 'rate(7 days)', enabled: false },
    },
  ],
  notifications: { emails: ['nautobot@example.org'] },
  alarms: { noBackupForHours: 30, snapshotHours: 6 },
  lambda: { memory: { CopyShard: 3008 }, reservedConcurrency: { LoadShard: 10 } },
  logs: { retentionDays: 180 },
});

/** The least and the most, which tests and tools look at. */
export const exampleConfigurations = { minimal: minimalConfiguration, full: fullConfiguration };
