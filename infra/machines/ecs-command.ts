import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CustomState, JitterType, type StateGraph } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';

/** A command in a container of a task definition that exists: `nautobot-server post_upgrade` in that of Nautobot. */
export interface EcsCommand {
  readonly clusterArn: string;
  /** With its revision, or without one for the newest. */
  readonly taskDefinitionArn: string;
  /** Of the task and of its execution: Step Functions hands them to the task. */
  readonly roleArns: readonly string[];
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly containerName: string;
  readonly command: readonly string[];
  /** @default FARGATE */
  readonly launchType?: 'FARGATE' | 'EC2';
  /** For subnets that reach the image's registry no other way. @default false */
  readonly assignPublicIp?: boolean;
  /** The task is stopped after that many seconds, and the run fails. @default 3600 */
  readonly timeoutSeconds?: number;
}

/**
 * A Task that runs a command on ECS and waits for its end; another exit code than 0 is a failure. On one machine the
 * handler of the state's name runs in its place. By hand: CDK's EcsRunTask refuses imported task definitions.
 */
export class EcsCommandState extends CustomState {
  readonly #command: EcsCommand;

  constructor(scope: Construct, name: string, command: EcsCommand, resultPath: string) {
    super(scope, name, { stateJson: stateJson(command, resultPath) });
    this.#command = command;
    this.addRetry({
      errors: refusedCalls,
      interval: Duration.seconds(5),
      maxDelay: Duration.seconds(60),
      backoffRate: 2,
      maxAttempts: 5,
      jitterStrategy: JitterType.FULL,
    });
  }

  protected override whenBoundToGraph(graph: StateGraph): void {
    super.whenBoundToGraph(graph);
    for (const statement of statements(this, this.#command)) graph.registerPolicyStatement(statement);
  }
}

function stateJson(command: EcsCommand, resultPath: string): Record<string, unknown> {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::ecs:runTask.sync',
    TimeoutSeconds: command.timeoutSeconds ?? 3600,
    Parameters: {
      Cluster: command.clusterArn,
      TaskDefinition: command.taskDefinitionArn,
      LaunchType: command.launchType ?? 'FARGATE',
      NetworkConfiguration: {
        AwsvpcConfiguration: {
          Subnets: command.subnetIds,
          SecurityGroups: command.securityGroupIds,
          AssignPublicIp: command.assignPublicIp ? 'ENABLED' : 'DISABLED',
        },
      },
      Overrides: {
        ContainerOverrides: [{ Name: command.containerName, Command: command.command }],
      },
      PropagateTags: 'TASK_DEFINITION',
    },
    // The whole answer describes every container with all that was given to it.
    ResultSelector: { 'task.$': '$.TaskArn' },
    ResultPath: resultPath,
  };
}

/** ECS took no task just then; a command that failed is States.TaskFailed and isn't repeated. */
const refusedCalls = [
  // Throttles of EC2 behind ECS come under these names too.
  'ECS.AmazonECSException',
  'ECS.InvalidParameterException',
  'ECS.SdkClientException',
  'ECS.ServerException',
  'ECS.ThrottlingException',
];

/** What running a task and waiting for it takes ("IAM policies for calling Amazon ECS", Step Functions developer guide). */
function statements(scope: Construct, command: EcsCommand): PolicyStatement[] {
  const stack = Stack.of(scope);
  const cluster = command.clusterArn.split('/').at(-1);
  const family = command.taskDefinitionArn.replace(/:\d+$/, '');
  return [
    new PolicyStatement({
      actions: ['ecs:RunTask'],
      resources: family === command.taskDefinitionArn ? [`${family}:*`, family] : [command.taskDefinitionArn],
      conditions: { ArnEquals: { 'ecs:cluster': command.clusterArn } },
    }),
    new PolicyStatement({
      actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
      resources: [stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster}/*` })],
    }),
    new PolicyStatement({
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [
        stack.formatArn({
          service: 'events',
          resource: 'rule',
          resourceName: 'StepFunctionsGetEventsForECSTaskRule',
          arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
        }),
      ],
    }),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [...command.roleArns],
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    }),
  ];
}
