import type { IChainable } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type FunctionOf, lambdaState } from './lambda-state.ts';

/**
 * Removes what a run left, by its id alone; repeatable. Input: `{ runId, outcome }`, or from the rule on ended
 * executions `{ executionId, startedAt, outcome }`, of which the run's id is a function.
 */
export function cleanUpMachine(scope: Construct, parts: { functionOf: FunctionOf }): IChainable {
  return lambdaState(scope, 'CleanUp', parts.functionOf);
}
