import { Match, type Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import { handlers } from '../../functions/handlers/handlers.ts';
import { exampleConfiguration, minimalConfiguration } from '../../infra/configuration/examples.ts';
import { handlerNeeds } from '../../infra/handler-needs.ts';
import { type Synthesised, synthesise } from './synthesise.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

let example: Synthesised;
let main: Template;
let staging: Template;
beforeAll(() => {
  example = synthesise(exampleConfiguration);
  main = example.main;
  staging = example.targets.staging as Template;
});

const functionsOf = (template: Template, prefix: string) =>
  new Map(
    Object.values(template.findResources('AWS::Lambda::Function')).map(({ Properties }) => [
      `${Properties.FunctionName}`.replace(`${prefix}-`, ''),
      Properties,
    ]),
  );
const mainFunctions = () => functionsOf(main, 'NautobotReplicator');
const stagingFunctions = () => functionsOf(staging, 'NautobotReplicator-staging');

/** What a handler's role allows. */
function statementsOf(handler: string, template = templateOf(handler)): Statement[] {
  const role = Object.values(template.findResources('AWS::IAM::Role')).find(
    ({ Properties }) => Properties.Description === `What the handler ${handler} may do`,
  );
  const statements = role?.Properties.Policies[0].PolicyDocument.Statement as Statement[];
  return statements.filter(({ Effect }) => Effect === 'Allow');
}

const templateOf = (handler: string) => (mainFunctions().has(handler) ? main : staging);

function resourcesAllowed(handler: string, action: string): string {
  const matching = statementsOf(handler).filter(({ Action }) => [Action].flat().includes(action));
  return JSON.stringify(matching.map(({ Resource }) => Resource));
}

describe('functions', () => {
  test('there is one for every handler that a machine names, and for no other', () => {
    const names = new Set([...mainFunctions().keys(), ...stagingFunctions().keys()]);
    expect([...names].sort()).toEqual(Object.keys(handlerNeeds).sort());
  });

  test('this machine has the same handlers', () => {
    expect(Object.keys(handlers).sort()).toEqual(Object.keys(handlerNeeds).sort());
  });

  test('all run Node 24 on arm64 for 15 minutes in the subnets and security groups given', () => {
    for (const template of [main, staging])
      template.allResourcesProperties('AWS::Lambda::Function', {
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Timeout: 900,
        Handler: 'index.handler',
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: Match.objectLike({ LogFormat: 'JSON' }),
        VpcConfig: {
          SubnetIds: exampleConfiguration.network.subnetIds,
          SecurityGroupIds: exampleConfiguration.network.securityGroupIds,
        },
      });
  });

  test('the keeper, which is started and not waited for, is not repeated by Lambda', () => {
    main.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 0 });
  });

  test('get the media mount that they need and no other', () => {
    expect(mainFunctions().get('ArchiveMedia')?.FileSystemConfigs).toEqual([
      { Arn: expect.stringContaining('fsap-00000'), LocalMountPath: '/mnt/source-media' },
    ]);
    expect(stagingFunctions().get('ExtractMedia')?.FileSystemConfigs).toEqual([
      { Arn: expect.stringContaining('fsap-11111'), LocalMountPath: '/mnt/target-media' },
    ]);
    expect(mainFunctions().get('CopyShard')?.FileSystemConfigs).toBeUndefined();
    expect(mainFunctions().get('CleanUp')?.FileSystemConfigs).toBeUndefined();
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
        if (!/^(ec2|xray):/.test([Action].flat().join())) expect(Resource, handler).not.toBe('*');
      }
    }
  });

  test('the target is out of reach for those who read the source, and the other way round', () => {
    const [source, target] = ['nautobot/production', 'nautobot/staging-AbCdEf'];
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
    main.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
        BucketEncryption: Match.anyValue(),
      },
    });
  });

  test('lets unfinished uploads and working objects go by themselves', () => {
    main.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }),
          Match.objectLike({ Prefix: 'nautobot/runs/', ExpirationInDays: 7, Status: 'Enabled' }),
        ]),
      },
    });
  });

  test('refuses plain HTTP, and writes under backups/ that could overwrite', () => {
    main.hasResourceProperties('AWS::S3::BucketPolicy', {
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
  test('are those of the source in its stack, and those of a target in its own', () => {
    const names = (template: Template) =>
      Object.values(template.findResources('AWS::StepFunctions::StateMachine'))
        .map(({ Properties }) => Properties.StateMachineName)
        .sort();
    expect(names(main)).toEqual([
      'NautobotReplicator-Backup',
      'NautobotReplicator-CleanUp',
      'NautobotReplicator-KeepSnapshot',
    ]);
    expect(names(staging)).toEqual([
      'NautobotReplicator-staging-CleanUp',
      'NautobotReplicator-staging-Replicate',
      'NautobotReplicator-staging-Restore',
    ]);
  });

  test('backups and restores that ended badly are cleaned up after', () => {
    for (const template of [main, staging])
      template.hasResourceProperties('AWS::Events::Rule', {
        EventPattern: {
          source: ['aws.states'],
          detail: { status: ['FAILED', 'TIMED_OUT', 'ABORTED'], stateMachineArn: Match.anyValue() },
        },
        Targets: [Match.objectLike({ InputTransformer: Match.anyValue() })],
      });
  });
});

test('a deployment that only makes backups needs no target, media or cache', () => {
  const { main: small, targets } = synthesise(minimalConfiguration);
  const environments = Object.values(small.findResources('AWS::Lambda::Function')).map(({ Properties }) =>
    Object.keys(Properties.Environment.Variables),
  );
  expect(environments.flat()).not.toContain('REPLICATOR_TARGET');
  expect(environments.flat()).not.toContain('REPLICATOR_SOURCE_MEDIA');
  expect(targets).toEqual({});
});

test('no secret is anywhere in the templates, only where it lies', () => {
  for (const functions of [mainFunctions(), stagingFunctions()])
    for (const { Environment } of functions.values())
      for (const [name, value] of Object.entries(Environment.Variables as Record<string, unknown>))
        if (/SOURCE$|TARGET$|CACHE$/.test(name)) expect(value).toMatch(/^secretsmanager:\/\/arn:/);
});
