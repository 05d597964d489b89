import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { JitterType, TaskInput, type TaskStateBase, Timeout } from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import {
  awaitedAttempts,
  awaitedError,
  awaitedIntervalSeconds,
  retriedErrorsOf,
} from '../../functions/run/retried-errors.ts';

/** Where the Lambda function of a handler comes from, by the handler's name. */
export type FunctionOf = (handler: string) => IFunction;

/** A Lambda function has 15 minutes; the state waits a little longer, so that Lambda's own answer comes first. */
export const handlerSeconds = 900;
export const stateSeconds = handlerSeconds + 30;

export interface LambdaStateOptions {
  /** The handler, where the state's name is another. */
  readonly handler?: string;
  /** What the handler gets; the whole state where nothing is said. */
  readonly input?: Record<string, unknown>;
  /** Where the handler's result goes; the whole state where nothing is said. */
  readonly resultPath?: string;
  readonly outputPath?: string;
  /** Asked again until what it looks for is there. */
  readonly awaits?: boolean;
}

/** A Task that runs a handler and passes on what it returns, without Lambda's envelope. */
export function lambdaState(
  scope: Construct,
  name: string,
  functionOf: FunctionOf,
  options: LambdaStateOptions = {},
): TaskStateBase {
  const state = new LambdaInvoke(scope, name, {
    lambdaFunction: functionOf(options.handler ?? name),
    payloadResponseOnly: true,
    retryOnServiceExceptions: false,
    taskTimeout: Timeout.duration(Duration.seconds(stateSeconds)),
    ...(options.input && { payload: TaskInput.fromObject(options.input) }),
    ...(options.resultPath && { resultPath: options.resultPath }),
    ...(options.outputPath && { outputPath: options.outputPath }),
  });
  if (options.awaits) {
    state.addRetry({
      errors: [awaitedError],
      interval: Duration.seconds(awaitedIntervalSeconds),
      backoffRate: 1,
      maxAttempts: awaitedAttempts,
    });
  }
  return addRetries(state, name);
}

function addRetries<State extends TaskStateBase>(state: State, name: string): State {
  for (const group of retriedErrorsOf(name)) {
    state.addRetry({
      errors: [...group.names],
      interval: Duration.seconds(group.intervalSeconds),
      maxDelay: Duration.seconds(group.maxDelaySeconds),
      backoffRate: 2,
      maxAttempts: group.maxAttempts,
      jitterStrategy: JitterType.FULL,
    });
  }
  return state;
}
