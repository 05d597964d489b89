import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';

/**
 * Cleans up after executions whose own failure path could not: Catch doesn't run when an execution times out, is
 * aborted, or fails in a way that `States.ALL` doesn't cover. Repeats what a failure path did; CleanUp allows that.
 */
export function cleanUpEndedExecutions(
  scope: Construct,
  parts: { watched: readonly StateMachine[]; cleanUp: StateMachine },
): Rule {
  return new Rule(scope, 'EndedExecutions', {
    description: 'Starts CleanUp for every backup or restore that failed, timed out or was aborted',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: {
        status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
        stateMachineArn: parts.watched.map((machine) => machine.stateMachineArn),
      },
    },
    targets: [
      new SfnStateMachine(parts.cleanUp, {
        input: RuleTargetInput.fromObject({
          executionId: EventField.fromPath('$.detail.executionArn'),
          startedAt: EventField.fromPath('$.detail.startDate'),
          outcome: EventField.fromPath('$.detail.status'),
        }),
      }),
    ],
  });
}
