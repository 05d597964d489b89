import { JsonPath, type TaskStateBase } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type FunctionOf, lambdaState } from './lambda-state.ts';

/**
 * The first state of Backup and Restore: puts the ids and times of the execution into the state, from where all
 * later states take them. It has no Catch: a refused input fails the execution with its own error.
 */
export function begin(scope: Construct, kind: 'backup' | 'restore', functionOf: FunctionOf): TaskStateBase {
  return lambdaState(scope, 'Begin', functionOf, {
    input: {
      kind,
      input: JsonPath.objectAt('$'),
      executionId: JsonPath.stringAt('$$.Execution.Id'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
    },
  });
}
