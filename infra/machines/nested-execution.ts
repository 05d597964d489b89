import { Duration } from 'aws-cdk-lib';
import {
  IntegrationPattern,
  type IStateMachine,
  JitterType,
  type TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';

export interface NestedExecutionOptions {
  readonly machine: IStateMachine;
  readonly input: TaskInput;
  /** Waits for the execution's end at most that long, and fails when it does; undefined: starts it and goes on. */
  readonly waits?: Duration;
  readonly resultPath: string;
  readonly resultSelector?: Record<string, unknown>;
}

/** A Task that starts an execution of another machine. */
export function nestedExecution(
  scope: Construct,
  name: string,
  options: NestedExecutionOptions,
): StepFunctionsStartExecution {
  const { machine, input, waits, resultPath, resultSelector } = options;
  const state = new StepFunctionsStartExecution(scope, name, {
    stateMachine: machine,
    input,
    // Linking would put a field of the context into the input, which machines refuse if they don't know it.
    associateWithParent: false,
    integrationPattern: waits ? IntegrationPattern.RUN_JOB : IntegrationPattern.REQUEST_RESPONSE,
    taskTimeout: Timeout.duration(waits ?? Duration.minutes(1)),
    resultPath,
    ...(resultSelector && { resultSelector }),
  });
  state.addRetry({
    errors: refusals,
    interval: Duration.seconds(2),
    maxDelay: Duration.seconds(60),
    backoffRate: 2,
    maxAttempts: 6,
    jitterStrategy: JitterType.FULL,
  });
  return state;
}

/** Step Functions took no execution just then. A failed execution is States.TaskFailed and isn't repeated. */
const refusals = [
  'StepFunctions.ExecutionLimitExceededException',
  'StepFunctions.ThrottlingException',
  'StepFunctions.SdkClientException',
  'StepFunctions.SfnException',
];
