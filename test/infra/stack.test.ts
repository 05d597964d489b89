import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { beforeAll, describe, expect, test } from 'vitest';
import { handlers } from '../../functions/handlers/handlers.ts';
import { Configuration, exampleConfiguration } from '../../infra/configuration.ts';
import { handlerNeeds } from '../../infra/handler-needs.ts';
import { ReplicatorStack } from '../../infra/replicator-stack.ts';
import { machineNames } from '../../local/machine-names.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

const synthesise = (configuration: Configuration) =>
  Template.fromStack(
    new ReplicatorStack(new App(), 'Replicator', { configuration, codeOf: () => Code.fromInline('stub') }),
  );

let template: Template;
beforeAll(() => {
  template = synthesise(exampleConfiguration);
});

/** Statements of a handler's own policy. */
function statementsOf(handler: string): Statement[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  return policies
    .filter(([id]) => new RegExp(`^Handlers${handler}ServiceRole`).test(id))
    .flatMap(([, policy]) => policy.Properties.PolicyDocument.Statement as Statement[]);
}

function resourcesAllowed(handler: string, action: string): string {
  const matching = statementsOf(handler).filter(({ Action }) => [Action].flat().includes(action));
  return JSON.stringify(matching.map(({ Resource }) => Resource));
}

describe('functions', () => {
  test('there is one for every handler that a machine names, and for no other', () => {
    const names = Object.values(template.findResources('AWS::Lambda::Function'))
      .map(({ Properties }) => `${Properties.FunctionName}`.replace('NautobotReplicator-', ''))
      .sort();
    expect(names).toEqual(Object.keys(handlerNeeds).sort());
  });

  test('this machine has the same handlers', () => {
    expect(Object.keys(handlers).sort()).toEqual(Object.keys(handlerNeeds).sort());
  });

  test('all run Node 24 on arm64 for 15 minutes in the subnets and security groups given', () => {
    template.allResourcesProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Timeout: 900,
      Handler: 'index.handler',
      VpcConfig: {
        SubnetIds: exampleConfiguration.network.subnetIds,
        SecurityGroupIds: exampleConfiguration.network.securityGroupIds,
      },
    });
  });

  test('the keeper, which is started and not waited for, is not repeated by Lambda', () => {
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
  });

  test('get the media mount that they need and no other', () => {
    const mountsOf = (handler: string) =>
      Object.values(template.findResources('AWS::Lambda::Function')).find(
        ({ Properties }) => Properties.FunctionName === `NautobotReplicator-${handler}`,
      )?.Properties.FileSystemConfigs;
    expect(mountsOf('ArchiveMedia')).toEqual([
      { Arn: exampleConfiguration.sourceMedia?.accessPointArn, LocalMountPath: '/mnt/source-media' },
    ]);
    expect(mountsOf('ExtractMedia')).toEqual([
      { Arn: exampleConfiguration.targetMedia?.accessPointArn, LocalMountPath: '/mnt/target-media' },
    ]);
    expect(mountsOf('CopyShard')).toBeUndefined();
  });
});

describe('roles', () => {
  test('only SealBackup can write under backups/', () => {
    for (const handler of Object.keys(handlerNeeds)) {
      const writable = resourcesAllowed(handler, 's3:PutObject');
      expect(writable.includes('/backups/'), handler).toBe(handler === 'SealBackup');
    }
  });

  test('workers can write to runs/ alone', () => {
    for (const worker of ['CopyShard', 'ArchiveMedia', 'LoadShard', 'ExtractMedia']) {
      expect(resourcesAllowed(worker, 's3:PutObject')).toMatch(/^[^*]*\/nautobot\/runs\/\*[^*]*$/);
      expect(resourcesAllowed(worker, 's3:DeleteObject')).toBe('[]');
    }
  });

  test('no handler can delete a version of an object, or act on everything', () => {
    for (const handler of Object.keys(handlerNeeds)) {
      const statements = statementsOf(handler);
      expect(JSON.stringify(statements), handler).not.toContain('DeleteObjectVersion');
      for (const { Action, Resource } of statements) {
        expect(JSON.stringify(Action), handler).not.toContain('*');
        expect(Resource, handler).not.toBe('*');
      }
    }
  });

  test('the target is out of reach for those who read the source, and the other way round', () => {
    const source = exampleConfiguration.source.secretArn;
    const target = exampleConfiguration.target?.secretArn ?? 'none';
    for (const reader of ['CopyShard', 'DumpSchema', 'KeepSnapshot', 'SealBackup']) {
      expect(resourcesAllowed(reader, 'secretsmanager:GetSecretValue')).toContain(source);
      expect(resourcesAllowed(reader, 'secretsmanager:GetSecretValue')).not.toContain(target);
    }
    for (const writer of ['LoadShard', 'SwitchOver', 'CreateDatabase']) {
      expect(resourcesAllowed(writer, 'secretsmanager:GetSecretValue')).toContain(target);
      expect(resourcesAllowed(writer, 'secretsmanager:GetSecretValue')).not.toContain(source);
    }
  });

  test('the media of the source is mounted read-only', () => {
    expect(resourcesAllowed('ArchiveMedia', 'elasticfilesystem:ClientMount')).toContain('fs-00000000');
    expect(resourcesAllowed('ArchiveMedia', 'elasticfilesystem:ClientWrite')).toBe('[]');
  });
});

describe('the bucket', () => {
  test('is versioned, encrypted, shut to the public, and outlives the stack', () => {
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        BucketEncryption: Match.anyValue(),
      },
    });
  });

  test('lets unfinished uploads and working objects go by themselves', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [
          Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }),
          Match.objectLike({ Prefix: 'nautobot/runs/', ExpirationInDays: 7, Status: 'Enabled' }),
        ],
      },
    });
  });

  test('refuses plain HTTP, and writes under backups/ that could overwrite', () => {
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Deny',
            Action: 's3:PutObject',
            Condition: {
              Null: { 's3:if-none-match': 'true' },
              Bool: { 's3:ObjectCreationOperation': 'true' },
            },
          }),
        ]),
      },
    });
  });
});

describe('machines', () => {
  test('there are five', () => {
    template.resourceCountIs('AWS::StepFunctions::StateMachine', machineNames.length);
  });

  test('backups and restores that ended badly are cleaned up after', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.states'],
        detail: { status: ['FAILED', 'TIMED_OUT', 'ABORTED'], stateMachineArn: Match.anyValue() },
      },
      Targets: [Match.objectLike({ InputTransformer: Match.anyValue() })],
    });
  });

  test('the schedule starts a backup, and only where one is configured', () => {
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'cron(0 3 * * ? *)' });
    const { schedule: _, ...unscheduled } = exampleConfiguration;
    const rules = Object.values(synthesise(unscheduled).findResources('AWS::Events::Rule'));
    expect(rules.filter(({ Properties }) => Properties.ScheduleExpression)).toEqual([]);
  });
});

test('a deployment that only makes backups needs no target, media or cache', () => {
  const { stackName, network, source } = exampleConfiguration;
  const small = synthesise(Configuration.parse({ stackName, network, source }));
  const environments = Object.values(small.findResources('AWS::Lambda::Function')).map(({ Properties }) =>
    Object.keys(Properties.Environment.Variables),
  );
  expect(environments.flat()).not.toContain('REPLICATOR_TARGET');
  expect(environments.flat()).not.toContain('REPLICATOR_SOURCE_MEDIA');
});

test('no secret is anywhere in the template, only where it lies', () => {
  const values = Object.values(template.findResources('AWS::Lambda::Function')).flatMap(({ Properties }) =>
    Object.entries(Properties.Environment.Variables as Record<string, unknown>),
  );
  for (const [name, value] of values)
    if (/SOURCE$|TARGET$|CACHE$/.test(name)) expect(value).toMatch(/^secretsmanager:\/\/arn:/);
});
