import {
  Chain,
  Choice,
  Condition,
  type IChainable,
  type IStateMachine,
  JsonPath,
  Parallel,
  Pass,
  type State,
  TaskInput,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Announcement, Announcements } from './announcements.ts';
import { type BackupDefaults, begin } from './begin.ts';
import { failurePath, onFailure } from './failure-path.ts';
import { fanOut } from './fan-out.ts';
import { type FunctionOf, type LambdaStateOptions, lambdaState } from './lambda-state.ts';
import { nestedExecution } from './nested-execution.ts';
import { successfulEnd } from './successful-end.ts';
import { UntilDone } from './until-done.ts';

export interface BackupParts {
  readonly functionOf: FunctionOf;
  readonly keepSnapshot: IStateMachine;
  readonly cleanUp: IStateMachine;
  readonly announcements: Announcements;
  readonly defaults?: BackupDefaults | undefined;
}

const discard: LambdaStateOptions = { resultPath: JsonPath.DISCARD };
const worker = { run: JsonPath.objectAt('$.run'), options: JsonPath.objectAt('$.options') };

/** Input: BackupOptions. Output: `{ run, backup, … }` as AnnounceBackup returns it. */
export function backupMachine(scope: Construct, parts: BackupParts): IChainable {
  const { functionOf } = parts;
  const task = (name: string, options?: LambdaStateOptions) => lambdaState(scope, name, functionOf, options);

  const lock = task('Lock', discard);
  const startKeepSnapshot = startKeeping(scope, parts.keepSnapshot);
  const openSnapshot = task('OpenSnapshot', { resultPath: '$.snapshot', awaits: true });
  const dumpSchema = new UntilDone(scope, 'DumpSchema', functionOf);
  const planShards = task('PlanShards', { resultPath: '$.plan' });
  const copy = copyRowsAndMedia(scope, functionOf);
  const readSequences = task('ReadSequences', discard);
  const releaseSnapshot = task('ReleaseSnapshot', discard);
  const invalidateCache = task('InvalidateCache', { resultPath: '$.cache' });
  const sealBackup = new UntilDone(scope, 'SealBackup', functionOf, { resultPath: '$.backup' });
  const end = successfulEnd(scope, {
    ...parts,
    kind: 'Backup',
    outcome: 'sealed',
    unannounced: { run: JsonPath.objectAt('$.run'), backup: JsonPath.objectAt('$.backup') },
    announcement: sealed,
  });

  const failure = failurePath(scope, {
    kind: 'Backup',
    functionOf,
    cleanUp: parts.cleanUp,
    announcements: parts.announcements,
    decide: (giveUp) => startOver(scope, functionOf, { again: startKeepSnapshot, giveUp }),
  });
  const steps = [lock, startKeepSnapshot, openSnapshot, dumpSchema, planShards, copy, readSequences];
  for (const step of [...steps, releaseSnapshot, invalidateCache, sealBackup]) onFailure(step, failure.entry);
  sealBackup.next(end);
  return begin(scope, 'backup', functionOf, parts.defaults)
    .next(Chain.start(lock).next(startKeepSnapshot).next(openSnapshot).next(dumpSchema).next(planShards))
    .next(copy)
    .next(readSequences)
    .next(releaseSnapshot)
    .next(
      new Choice(scope, 'WhetherToInvalidateCache')
        .when(Condition.booleanEquals('$.options.invalidateCache', true), invalidateCache.next(sealBackup))
        .otherwise(sealBackup),
    );
}

const sealed: Announcement = {
  name: 'Sealed',
  detailType: 'Backup Sealed',
  detail: { backup: JsonPath.objectAt('$.backup') },
  subject: JsonPath.format('Nautobot backup {} sealed', JsonPath.stringAt('$.backup.backupId')),
  message: JsonPath.format(
    'The backup {} is sealed: {} Execution: {}',
    JsonPath.stringAt('$.backup.backupId'),
    JsonPath.stringAt('$.backup.uri'),
    JsonPath.stringAt('$.run.executionId'),
  ),
};

function startKeeping(scope: Construct, machine: IStateMachine) {
  return nestedExecution(scope, 'StartKeepSnapshot', {
    machine,
    input: TaskInput.fromObject({
      run: JsonPath.objectAt('$.run'),
      options: JsonPath.objectAt('$.options'),
      parent: JsonPath.stringAt('$.run.executionId'),
    }),
    resultPath: JsonPath.DISCARD,
  });
}

function copyRowsAndMedia(scope: Construct, functionOf: FunctionOf): Parallel {
  const rows = fanOut(scope, 'CopyShards', functionOf, {
    worker: 'CopyShard',
    untilDone: true,
    shards: '$.plan.shards',
    input: { ...worker, snapshot: JsonPath.objectAt('$.snapshot') },
    discardsState: true,
  });
  const compare = lambdaState(scope, 'CompareMedia', functionOf, discard);
  const media = new UntilDone(scope, 'PlanMedia', functionOf, { resultPath: '$.media' }).next(compare);
  compare.next(
    fanOut(scope, 'ArchiveMediaShards', functionOf, {
      worker: 'ArchiveMedia',
      shards: '$.media.shards',
      input: worker,
      discardsState: true,
    }),
  );
  return new Parallel(scope, 'CopyRowsAndMedia', { resultPath: JsonPath.DISCARD }).branch(rows, media);
}

/** When only the snapshot was lost, the backup begins its second round with a new one and an empty state. */
function startOver(
  scope: Construct,
  functionOf: FunctionOf,
  ways: { again: IChainable; giveUp: State },
): IChainable {
  const release = lambdaState(scope, 'ReleaseLostSnapshot', functionOf, {
    handler: 'ReleaseSnapshot',
    ...discard,
  });
  onFailure(release, ways.giveUp, '$.releaseFailure');
  const beginNextRound = new Pass(scope, 'BeginNextRound', {
    parameters: { run: JsonPath.objectAt('$.failure.run'), options: JsonPath.objectAt('$.options') },
  });
  return new Choice(scope, 'WhetherToStartOver')
    .when(Condition.booleanEquals('$.failure.startOver', true), release.next(beginNextRound).next(ways.again))
    .otherwise(ways.giveUp);
}
