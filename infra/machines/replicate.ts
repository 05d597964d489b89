import {
  Choice,
  Condition,
  Fail,
  type IChainable,
  type IStateMachine,
  JsonPath,
  Pass,
  TaskInput,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { begin } from './begin.ts';
import { onFailure } from './failure-path.ts';
import type { FunctionOf } from './lambda-state.ts';
import { longest, waitFor } from './longest.ts';
import { nestedExecution } from './nested-execution.ts';

/**
 * Backup, then a restore of that very backup. Input: `{ backup: BackupOptions, restore: RestoreOptions without backup }`,
 * both of which are checked before the backup begins. Each half cleans up and tells for itself.
 */
export function replicateMachine(
  scope: Construct,
  parts: { functionOf: FunctionOf; backup: IStateMachine; restore: IStateMachine },
): IChainable {
  const output = { output: JsonPath.objectAt('$.Output') };
  const runBackup = nestedExecution(scope, 'RunBackup', {
    machine: parts.backup,
    input: TaskInput.fromJsonPathAt('$.backup'),
    waits: waitFor(longest.backup),
    resultSelector: output,
    resultPath: '$.backedUp',
  });
  const chooseBackup = new Pass(scope, 'ChooseBackup', {
    inputPath: '$.backedUp.output.backup.backupId',
    resultPath: '$.restore.backup',
  });
  const runRestore = nestedExecution(scope, 'RunRestore', {
    machine: parts.restore,
    input: TaskInput.fromJsonPathAt('$.restore'),
    waits: waitFor(longest.restore),
    resultSelector: output,
    resultPath: '$.restored',
  });
  const report = new Pass(scope, 'ReportBoth', {
    parameters: {
      backup: JsonPath.objectAt('$.backedUp.output'),
      restore: JsonPath.objectAt('$.restored.output'),
    },
  });
  const failure = nestedFailure(scope);
  for (const state of [runBackup, runRestore]) onFailure(state, failure);
  return begin(scope, 'replicate', parts.functionOf)
    .next(runBackup)
    .next(chooseBackup)
    .next(runRestore)
    .next(report);
}

/** Fails as the nested execution did, by the same name and with the same words. */
function nestedFailure(scope: Construct): IChainable {
  const fail = new Fail(scope, 'ReplicateFailed', { errorPath: '$.error', causePath: '$.message' });
  // What was not an execution that ended: none could be started, or none was seen to end.
  const take = new Pass(scope, 'TakeCaughtError', {
    parameters: {
      error: 'NestedRunFailed',
      message: JsonPath.jsonToString(JsonPath.objectAt('$.caught')),
    },
  });
  const takeStatus = new Pass(scope, 'TakeNestedStatus', {
    parameters: {
      error: 'NestedRunFailed',
      message: JsonPath.format(
        'the execution {} ended as {}',
        JsonPath.stringAt('$.nested.ExecutionArn'),
        JsonPath.stringAt('$.nested.Status'),
      ),
    },
  });
  const takeError = new Pass(scope, 'TakeNestedError', {
    parameters: {
      error: JsonPath.stringAt('$.nested.Error'),
      message: JsonPath.stringAt('$.nested.Cause'),
    },
  });
  // `startExecution.sync:2` fails with what DescribeExecution says, as JSON; an aborted one may have no Error.
  const read = new Pass(scope, 'ReadNestedFailure', {
    parameters: { nested: JsonPath.stringToJson(JsonPath.stringAt('$.caught.Cause')) },
  });
  const saysWhy = new Choice(scope, 'WhetherItSaysWhy')
    .when(
      Condition.and(
        Condition.isPresent('$.nested.Error'),
        Condition.isPresent('$.nested.Cause'),
        Condition.not(Condition.stringMatches('$.nested.Error', 'States.*')),
      ),
      takeError.next(fail),
    )
    .otherwise(takeStatus.next(fail));
  return new Choice(scope, 'WhetherAnExecutionFailed')
    .when(Condition.stringEquals('$.caught.Error', 'States.TaskFailed'), read.next(saysWhy))
    .otherwise(take.next(fail));
}
