import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { DefinitionBody, Pass, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { beforeAll, describe, expect, test } from 'vitest';
import type { EcsCommand } from '../../infra/machines/ecs-command.ts';
import { restoreMachine } from '../../infra/machines/restore.ts';
import type { Definition, StateDefinition } from '../../local/definition.ts';

const command: EcsCommand = {
  clusterArn: 'arn:aws:ecs:eu-central-1:111111111111:cluster/nautobot',
  taskDefinitionArn: 'arn:aws:ecs:eu-central-1:111111111111:task-definition/nautobot:7',
  roleArns: ['arn:aws:iam::111111111111:role/nautobot-task'],
  subnetIds: ['subnet-1'],
  securityGroupIds: ['sg-1'],
  containerName: 'nautobot',
  command: ['nautobot-server', 'post_upgrade'],
};

const bus = 'arn:aws:events:eu-central-1:111111111111:event-bus/ours';
let definition: Definition;
let statements: Record<string, unknown>[];

beforeAll(() => {
  const stack = new Stack(undefined, 'Test', { env: { account: '111111111111', region: 'eu-central-1' } });
  const run = new LambdaFunction(stack, 'Run', {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('x'),
  });
  const cleanUp = new StateMachine(stack, 'CleanUp', {
    definitionBody: DefinitionBody.fromChainable(new Pass(stack, 'Nothing')),
  });
  const machine = new StateMachine(stack, 'Restore', {
    definitionBody: DefinitionBody.fromChainable(
      restoreMachine(stack, {
        functionOf: () => run,
        cleanUp,
        announcements: {
          topic: Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-central-1:111111111111:told'),
          eventBus: EventBus.fromEventBusArn(stack, 'Bus', bus),
        },
        afterRestore: command,
      }),
    ),
  });
  const template = Template.fromStack(stack);
  const machines = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
  const found = machines.find(({ Properties }) => JSON.stringify(Properties).includes('AfterRestore'));
  const parts = found?.Properties.DefinitionString['Fn::Join'][1] as unknown[];
  const text = parts.map((part) => (typeof part === 'string' ? part : 'REF'));
  definition = JSON.parse(text.join(''));
  const policies = Object.values(template.findResources('AWS::IAM::Policy'));
  const role = stack.resolve(machine.role.roleName).Ref;
  statements = policies
    .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
});

const state = (name: string) => definition.States[name] as StateDefinition & Record<string, unknown>;

describe('with a topic and a bus of its own', () => {
  test('events go to that bus, and a subject that SNS takes to the topic', () => {
    expect(state('SendFinishedEvent').Parameters).toMatchObject({
      Entries: [{ Source: 'nautobot-replicator', DetailType: 'Restore Finished', EventBusName: bus }],
    });
    const { Parameters } = state('PublishFinished');
    expect(Parameters).toMatchObject({ TopicArn: 'arn:aws:sns:eu-central-1:111111111111:told' });
    // 100 characters: an id has 23, the longest name of a retried error 44
    const subject = String(state('PublishFailed').Parameters?.['Subject.$']);
    expect(subject.replace(/^States\.Format\('|'.*$/g, '').length + 23 + 44).toBeLessThan(100);
  });

  test('what goes wrong in an announcement leads where it would have led anyway', () => {
    for (const name of ['SendFinishedEvent', 'PublishFinished', 'SendFailedEvent', 'PublishFailed'])
      expect(state(name).Catch).toEqual([
        { ErrorEquals: ['States.ALL'], ResultPath: null, Next: state(name).Next },
      ]);
    expect(state('PublishFinished').Next).toBe('RestoreDone');
    expect(state('PublishFailed').Next).toBe('RestoreFailed');
  });
});

describe('a command on ECS', () => {
  test('runs in the container of the task definition given, and is waited for', () => {
    expect(state('AfterRestore')).toMatchObject({
      Resource: 'arn:aws:states:::ecs:runTask.sync',
      TimeoutSeconds: 3600,
      Parameters: {
        LaunchType: 'FARGATE',
        TaskDefinition: command.taskDefinitionArn,
        NetworkConfiguration: {
          AwsvpcConfiguration: {
            Subnets: ['subnet-1'],
            SecurityGroups: ['sg-1'],
            AssignPublicIp: 'DISABLED',
          },
        },
        Overrides: {
          ContainerOverrides: [{ Name: 'nautobot', Command: ['nautobot-server', 'post_upgrade'] }],
        },
      },
      ResultPath: '$.afterRestore',
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'ReadFailure' }],
      Next: 'CleanUpAfterRestore',
    });
  });

  test('is repeated when ECS took no task, not when it failed', () => {
    const [retrier] = state('AfterRestore').Retry as { ErrorEquals: string[] }[];
    expect(retrier?.ErrorEquals).toContain('ECS.ThrottlingException');
    expect(retrier?.ErrorEquals).not.toContain('States.TaskFailed');
  });

  test('takes these rights and no others', () => {
    const all = JSON.stringify(statements);
    const of = (action: string) =>
      statements.filter(({ Action }) => [Action].flat().includes(action)).map(({ Resource }) => Resource);
    expect(of('ecs:RunTask')).toEqual([command.taskDefinitionArn]);
    expect(JSON.stringify(of('ecs:StopTask'))).toContain(':task/nautobot/*');
    expect(JSON.stringify(of('events:PutRule'))).toContain('rule/StepFunctionsGetEventsForECSTaskRule');
    expect(of('iam:PassRole')).toEqual([command.roleArns[0]]);
    expect(all).toContain('"iam:PassedToService":"ecs-tasks.amazonaws.com"');
  });
});
