import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { beforeAll, describe, expect, test } from 'vitest';
import { fullConfiguration, minimalConfiguration } from '../../infra/configuration/examples.ts';
import { Configuration } from '../../infra/configuration/schema.ts';
import { BackupStore } from '../../infra/constructs/backup-store.ts';
import { newApp } from '../../infra/new-app.ts';
import { type Synthesised, synthesise } from './synthesise.ts';

let full: Synthesised;
let minimal: Synthesised;
let staging: Template;
beforeAll(() => {
  full = synthesise(fullConfiguration);
  minimal = synthesise(minimalConfiguration);
  staging = full.targets.staging as Template;
});

/** Of an intrinsic join, the text with references by their logical id. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const join = (value as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join'];
  if (join) return join[1].map(textOf).join(join[0]);
  return `{${Object.values(value as object)
    .flat()
    .join('.')}}`;
}

describe('schedules', () => {
  const scheduleOf = (template: Template) =>
    Object.values(template.findResources('AWS::Scheduler::Schedule'))[0]?.Properties;

  test('start a backup at the time of a place on earth, within a window, with retries and dead letters', () => {
    expect(scheduleOf(full.main)).toMatchObject({
      ScheduleExpression: 'cron(0 3 * * ? *)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 30 },
      State: 'ENABLED',
      Target: {
        RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 12 },
        DeadLetterConfig: { Arn: expect.anything() },
      },
    });
  });

  test('name the execution by the delivery, so that one that comes twice starts once', () => {
    const { Arn, Input } = scheduleOf(full.main).Target;
    expect(textOf(Arn)).toBe('arn:{AWS::Partition}:scheduler:::aws-sdk:sfn:startExecution');
    const input = JSON.parse(textOf(Input));
    expect(input).toMatchObject({ Name: '<aws.scheduler.execution-id>' });
    expect(JSON.parse(input.Input)).toEqual({ excludeTableData: ['extras_objectchange'] });
  });

  test("refresh a target by what its configuration says, with the target's own options", () => {
    const input = JSON.parse(textOf(scheduleOf(staging).Target.Input));
    expect(input.StateMachineArn).toMatch(/^\{Replication/);
    expect(JSON.parse(input.Input)).toEqual({ backup: { schemaOnly: false }, restore: {} });
    const training = scheduleOf(full.targets.training as Template);
    expect(training).toMatchObject({ ScheduleExpression: 'rate(7 days)', State: 'DISABLED' });
    expect(JSON.parse(textOf(training.Target.Input)).StateMachineArn).toMatch(/^\{TargetRestore/);
  });

  test('can start that one machine, leave a dead letter, and nothing else', () => {
    const role = Object.values(full.main.findResources('AWS::IAM::Role')).find(({ Properties }) =>
      /^EventBridge Scheduler/.test(Properties.Description ?? ''),
    )?.Properties;
    expect(role.Policies[0].PolicyDocument.Statement).toEqual([
      {
        Effect: 'Allow',
        Action: 'states:StartExecution',
        Resource: { Ref: expect.stringMatching(/^SourceBackup/) },
      },
      {
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Resource: { 'Fn::GetAtt': [expect.stringMatching(/^ScheduleDeadLetters/), 'Arn'] },
      },
    ]);
    expect(role.AssumeRolePolicyDocument.Statement[0].Condition.StringEquals).toEqual({
      'aws:SourceAccount': '111111111111',
      'aws:SourceArn': { 'Fn::GetAtt': [expect.stringMatching(/^ScheduleGroup/), 'Arn'] },
    });
  });

  test('are there only where they are configured', () => {
    minimal.main.resourceCountIs('AWS::Scheduler::Schedule', 0);
    minimal.main.resourceCountIs('AWS::SQS::Queue', 0);
  });
});

test('what a target has is used by every restore that does not say otherwise', () => {
  const machines = Object.values(staging.findResources('AWS::StepFunctions::StateMachine'));
  const restore = machines.find(({ Properties }) => /-Restore$/.test(Properties.StateMachineName));
  const { StartAt, States } = JSON.parse(textOf(restore?.Properties.DefinitionString));
  expect(States[StartAt].Parameters.defaults).toEqual({
    jobs: 6,
    keepPrevious: true,
    invalidateCache: true,
    afterRestore: true,
  });
  expect(States.AfterRestore.Resource).toBe('arn:aws:states:::ecs:runTask.sync');
});

describe('the bucket', () => {
  const bucketOf = (template: Template) => Object.values(template.findResources('AWS::S3::Bucket'))[0];
  const denials = (template: Template) =>
    Object.values(template.findResources('AWS::S3::BucketPolicy'))[0]?.Properties.PolicyDocument
      .Statement as {
      Sid?: string;
      Condition: Record<string, Record<string, unknown>>;
    }[];

  test('is encrypted by a key of its own, that logs and alarms may use', () => {
    full.main.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } },
        ],
      },
    });
    full.main.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      Properties: { EnableKeyRotation: true },
    });
  });

  test('is encrypted by S3 itself, or by a key of yours, where that is asked for', () => {
    const arn = 'arn:aws:kms:eu-central-1:111111111111:key/00000000-0000-0000-0000-000000000000';
    const withKey = (key: 'none' | { arn: string }) => {
      const stack = new Stack(newApp(), 'Keys');
      const given = typeof key === 'string' ? key : Key.fromKeyArn(stack, 'Given', key.arn);
      new BackupStore(stack, 'Store', { deployment: 'Keys', key: given });
      return Template.fromStack(stack);
    };
    expect(JSON.stringify(bucketOf(withKey('none')))).toContain('"SSEAlgorithm":"AES256"');
    const given = withKey({ arn });
    expect(bucketOf(given)?.Properties.BucketEncryption.ServerSideEncryptionConfiguration[0]).toMatchObject({
      ServerSideEncryptionByDefault: { KMSMasterKeyID: arn },
    });
    for (const template of [given, withKey('none')]) template.resourceCountIs('AWS::KMS::Key', 0);
  });

  test('lets what is under backups/ be written by SealBackup and named writers only', () => {
    const only = denials(full.main).find(({ Sid }) => Sid === 'OnlySealBackupWritesBackups');
    expect(only?.Condition.ArnNotEquals?.['aws:PrincipalArn']).toEqual([
      'arn:aws:iam::111111111111:role/backup-operator',
      { 'Fn::GetAtt': [expect.stringMatching(/^SourceHandlersSealBackupRole/), 'Arn'] },
    ]);
    const alone = denials(minimal.main).find(({ Sid }) => Sid === 'OnlySealBackupWritesBackups');
    expect(alone?.Condition.ArnNotEquals?.['aws:PrincipalArn']).toEqual([
      { 'Fn::GetAtt': [expect.stringMatching(/^SourceHandlersSealBackupRole/), 'Arn'] },
    ]);
  });

  test('moves backups to cheaper classes, lets them go, and keeps what was deleted for a while', () => {
    const rules = bucketOf(full.main)?.Properties.LifecycleConfiguration.Rules as Record<string, unknown>[];
    expect(rules.find(({ Id }) => Id === 'backups')).toEqual({
      Id: 'backups',
      Status: 'Enabled',
      Prefix: 'nautobot/backups/',
      ExpirationInDays: 400,
      NoncurrentVersionExpiration: { NoncurrentDays: 60 },
      Transitions: [
        { StorageClass: 'STANDARD_IA', TransitionInDays: 30 },
        { StorageClass: 'GLACIER_IR', TransitionInDays: 90 },
      ],
    });
    const usual = bucketOf(minimal.main)?.Properties.LifecycleConfiguration.Rules as Record<
      string,
      unknown
    >[];
    expect(usual.find(({ Id }) => Id === 'backups')).not.toHaveProperty('ExpirationInDays');
  });

  test('has Object Lock without a default retention, which would hold working objects too', () => {
    const { ObjectLockEnabled, ObjectLockConfiguration } = bucketOf(full.main)?.Properties ?? {};
    expect({ ObjectLockEnabled, ObjectLockConfiguration }).toEqual({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: undefined,
    });
    expect(bucketOf(minimal.main)?.Properties.ObjectLockEnabled).toBeUndefined();
  });

  test('is replicated under backups/ only, to another account that then owns the copies', () => {
    expect(bucketOf(full.main)?.Properties.ReplicationConfiguration.Rules).toEqual([
      expect.objectContaining({
        Filter: { Prefix: 'nautobot/backups/' },
        DeleteMarkerReplication: { Status: 'Disabled' },
        SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: 'Enabled' } },
        Destination: expect.objectContaining({
          Account: '222222222222',
          AccessControlTranslation: { Owner: 'Destination' },
        }),
      }),
    ]);
  });
});

describe('restoring from the bucket of another account', () => {
  let foreign: Template;
  beforeAll(() => {
    const { network, targets } = fullConfiguration;
    const restoreFrom = {
      bucket: 'production-backups',
      prefix: 'nautobot/',
      keyArn: 'arn:aws:kms:eu-central-1:444444444444:key/00000000-0000-0000-0000-000000000000',
    };
    const [, training] = targets;
    const { targets: made } = synthesise(
      Configuration.parse({ network, targets: [training], store: { restoreFrom } }),
    );
    foreign = made.training as Template;
  });

  test('tells the handlers of the target where backups are, and lets them read there and nothing else', () => {
    const functions = Object.values(foreign.findResources('AWS::Lambda::Function'));
    const load = functions.find(({ Properties }) => /LoadShard$/.test(Properties.FunctionName));
    expect(load?.Properties.Environment.Variables.REPLICATOR_BACKUPS).toBe(
      's3://production-backups/nautobot/',
    );
    const role = Object.values(foreign.findResources('AWS::IAM::Role')).find(({ Properties }) =>
      /handler LoadShard/.test(Properties.Description ?? ''),
    );
    const statements = role?.Properties.Policies[0].PolicyDocument.Statement as Record<string, unknown>[];
    const there = statements.filter((statement) => JSON.stringify(statement).includes('production-backups'));
    expect(there.flatMap(({ Action }) => Action).sort()).toEqual(['s3:GetObject', 's3:ListBucket']);
  });

  test('needs no source, and makes no machine that would', () => {
    foreign.resourceCountIs('AWS::StepFunctions::StateMachine', 2);
  });
});

describe('what is told', () => {
  test('is published on a topic of its own that only TLS reaches, and mailed', () => {
    full.main.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'nautobot@example.org',
    });
    full.main.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  test('can be published on a topic that is there already', () => {
    const topicArn = 'arn:aws:sns:eu-central-1:111111111111:ours';
    const { main } = synthesise(
      Configuration.parse({ ...minimalConfiguration, notifications: { topicArn } }),
    );
    main.resourceCountIs('AWS::SNS::Topic', 0);
    main.allResourcesProperties('AWS::CloudWatch::Alarm', { AlarmActions: [topicArn] });
  });
});

describe('alarms', () => {
  const named = (template: Template) =>
    Object.values(template.findResources('AWS::CloudWatch::Alarm'))
      .map(({ Properties }) => Properties.AlarmName)
      .sort();

  test('are about failed runs, missing backups, snapshots, throttles and what could not be started', () => {
    expect(named(full.main)).toEqual([
      'Replicator-BackupFailed',
      'Replicator-CleanUpFailed',
      'Replicator-FunctionsThrottled',
      'Replicator-MachineThrottled',
      'Replicator-NoBackup',
      'Replicator-NotStarted',
      'Replicator-SnapshotLost',
      'Replicator-SnapshotOld',
    ]);
    expect(named(staging)).toEqual([
      'Replicator-staging-CleanUpFailed',
      'Replicator-staging-FunctionsThrottled',
      'Replicator-staging-MachineThrottled',
      'Replicator-staging-NotStarted',
      'Replicator-staging-RestoreFailed',
    ]);
  });

  test("the dead-man's switch goes off when no hour of so many had a sealed backup, or nobody counts any more", () => {
    full.main.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'Replicator-NoBackup',
      Namespace: 'AWS/States',
      MetricName: 'ExecutionsSucceeded',
      Period: 3600,
      EvaluationPeriods: 30,
      DatapointsToAlarm: 30,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  test("the snapshot's age is what the keeper measures, by the dimensions that it measures with", () => {
    full.main.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'Replicator-SnapshotOld',
      Namespace: 'NautobotReplicator',
      MetricName: 'SnapshotAgeSeconds',
      Threshold: 6 * 3600,
      Dimensions: [
        { Name: 'Source', Value: 'production' },
        { Name: 'Stack', Value: 'Replicator' },
      ],
    });
  });

  test('can be left out', () => {
    const { main } = synthesise(Configuration.parse({ ...minimalConfiguration, alarms: { enabled: false } }));
    main.resourceCountIs('AWS::CloudWatch::Alarm', 0);
  });
});

describe('the network', () => {
  test('without a way out gets endpoints for what functions call, reached by them alone', () => {
    const endpoints = Object.values(full.main.findResources('AWS::EC2::VPCEndpoint')).map(
      ({ Properties }) => [textOf(Properties.ServiceName), Properties.VpcEndpointType],
    );
    expect(endpoints.sort()).toEqual([
      ['com.amazonaws.eu-central-1.s3', 'Gateway'],
      ['com.amazonaws.eu-central-1.secretsmanager', 'Interface'],
      ['com.amazonaws.eu-central-1.states', 'Interface'],
    ]);
    full.main.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      FromPort: 443,
      ToPort: 443,
      SourceSecurityGroupId: 'sg-00000000000000000',
    });
  });

  test('with a NAT gateway gets none', () => {
    minimal.main.resourceCountIs('AWS::EC2::VPCEndpoint', 0);
  });
});

test('every resource carries the tags of the configuration', () => {
  full.main.hasResourceProperties('AWS::S3::Bucket', {
    Tags: Match.arrayWith([{ Key: 'team', Value: 'network-automation' }]),
  });
});
