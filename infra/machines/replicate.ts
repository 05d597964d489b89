import { Duration } from 'aws-cdk-lib';
import {
  type IChainable,
  type IStateMachine,
  JsonPath,
  Pass,
  TaskInput,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { nestedExecution } from './nested-execution.ts';

const longest = Duration.days(7);

/** Backup, then a restore of that very backup. Input: `{ backup: BackupOptions, restore: RestoreOptions without backup }`. */
export function replicateMachine(
  scope: Construct,
  parts: { backup: IStateMachine; restore: IStateMachine },
): IChainable {
  const output = { output: JsonPath.objectAt('$.Output') };
  const runBackup = nestedExecution(scope, 'RunBackup', {
    machine: parts.backup,
    input: TaskInput.fromJsonPathAt('$.backup'),
    waits: longest,
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
    waits: longest,
    resultSelector: output,
    resultPath: '$.restored',
  });
  const report = new Pass(scope, 'ReportBoth', {
    parameters: {
      backup: JsonPath.objectAt('$.backedUp.output'),
      restore: JsonPath.objectAt('$.restored.output'),
    },
  });
  return runBackup.next(chooseBackup).next(runRestore).next(report);
}
