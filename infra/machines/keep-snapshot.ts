import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import {
  Choice,
  Condition,
  type IChainable,
  type IStateMachine,
  JitterType,
  JsonPath,
  TaskInput,
  Timeout,
  Wait,
  WaitTime,
} from 'aws-cdk-lib/aws-stepfunctions';
import { CallAwsService, LambdaInvocationType, LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { notStarted } from '../../functions/run/retried-errors.ts';
import type { FunctionOf } from './lambda-state.ts';
import { nestedExecution } from './nested-execution.ts';

/** Shorter than a keeper's 15 minutes, so that the next one has imported the snapshot before this one has to end. */
const handOver = Duration.seconds(540);

/** Step Functions did not answer just then. */
const failedCalls = [
  'Sfn.SfnException',
  'Sfn.SdkClientException',
  'Sfn.ThrottlingException',
  'States.Timeout',
];

/**
 * Keeps the snapshot of a backup open for as long as that runs: one keeper after another, none of which is waited for.
 * Input: `{ run, options, parent }`, `parent` being the execution of Backup.
 */
export function keepSnapshotMachine(
  scope: Construct,
  parts: { functionOf: FunctionOf; cleanUp: IStateMachine; parentMachineName: string },
): IChainable {
  const isParentRunning = new CallAwsService(scope, 'IsParentRunning', {
    service: 'sfn',
    action: 'describeExecution',
    parameters: { ExecutionArn: JsonPath.stringAt('$.parent') },
    iamAction: 'states:DescribeExecution',
    iamResources: [
      Stack.of(scope).formatArn({
        service: 'states',
        resource: 'execution',
        resourceName: `${parts.parentMachineName}:*`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    ],
    taskTimeout: Timeout.duration(Duration.minutes(1)),
    resultSelector: { status: JsonPath.stringAt('$.Status') },
    resultPath: '$.execution',
  });
  const invokeKeeper = new LambdaInvoke(scope, 'InvokeKeeper', {
    lambdaFunction: parts.functionOf('KeepSnapshot'),
    invocationType: LambdaInvocationType.EVENT,
    payload: TaskInput.fromObject({
      run: JsonPath.objectAt('$.run'),
      options: JsonPath.objectAt('$.options'),
    }),
    retryOnServiceExceptions: false,
    taskTimeout: Timeout.duration(Duration.minutes(1)),
    resultPath: JsonPath.DISCARD,
  });
  // Nothing else holds the snapshot: these two calls are repeated for a long time.
  for (const [state, errors] of [
    [isParentRunning, failedCalls],
    [invokeKeeper, [...notStarted.names, 'States.Timeout']],
  ] as const)
    state.addRetry({
      errors: [...errors],
      interval: Duration.seconds(2),
      maxDelay: Duration.seconds(20),
      backoffRate: 2,
      maxAttempts: 15,
      jitterStrategy: JitterType.FULL,
    });
  const wait = new Wait(scope, 'WaitForHandOver', { time: WaitTime.duration(handOver) });
  const cleanUp = nestedExecution(scope, 'CleanUpAfterParent', {
    machine: parts.cleanUp,
    input: TaskInput.fromObject({ runId: JsonPath.stringAt('$.run.id'), outcome: 'parent ended' }),
    resultPath: JsonPath.DISCARD,
  });

  return isParentRunning.next(
    new Choice(scope, 'WhetherParentRuns')
      .when(
        Condition.stringEquals('$.execution.status', 'RUNNING'),
        invokeKeeper.next(wait).next(isParentRunning),
      )
      .otherwise(cleanUp),
  );
}
