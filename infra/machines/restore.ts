import {
  Chain,
  Choice,
  Condition,
  type IChainable,
  type IStateMachine,
  JsonPath,
  Parallel,
  Pass,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { Announcement, Announcements } from './announcements.ts';
import { begin, type RestoreDefaults } from './begin.ts';
import { type EcsCommand, EcsCommandState } from './ecs-command.ts';
import { failurePath, onFailure } from './failure-path.ts';
import { fanOut } from './fan-out.ts';
import { type FunctionOf, type LambdaStateOptions, lambdaState } from './lambda-state.ts';
import { successfulEnd } from './successful-end.ts';
import { UntilDone } from './until-done.ts';

export interface RestoreParts {
  readonly functionOf: FunctionOf;
  readonly cleanUp: IStateMachine;
  readonly announcements: Announcements;
  /** Runs in place of the handler InvalidateCache. */
  readonly invalidate?: EcsCommand | undefined;
  /** Runs in place of the handler AfterRestore. */
  readonly afterRestore?: EcsCommand | undefined;
  readonly defaults?: RestoreDefaults | undefined;
}

const discard: LambdaStateOptions = { resultPath: JsonPath.DISCARD };

/** Input: RestoreOptions. Output: what AnnounceRestore returns, or what PlanRestore found in a dry run. */
export function restoreMachine(scope: Construct, parts: RestoreParts): IChainable {
  const { functionOf } = parts;
  const task = (name: string, options?: LambdaStateOptions) => lambdaState(scope, name, functionOf, options);

  const lock = task('Lock', discard);
  const planRestore = task('PlanRestore', { resultPath: '$.plan' });
  const untilDone = (name: string) => new UntilDone(scope, name, functionOf);
  const createDatabase = untilDone('CreateDatabase');
  const build = [createDatabase, untilDone('LoadPreData')];
  const load = loadRowsAndMedia(scope, functionOf);
  const finish = [
    untilDone('Sanitize'),
    untilDone('BuildIndexes'),
    untilDone('AddConstraints'),
    untilDone('AddTriggers'),
    untilDone('RefreshViews'),
    untilDone('SetSequences'),
    untilDone('Analyze'),
  ];
  const verifyRestore = new UntilDone(scope, 'VerifyRestore', functionOf, { resultPath: '$.verified' });
  const addMedia = untilDone('AddMediaObjects');
  const switchOver = task('SwitchOver', { resultPath: '$.switched' });
  const settleMedia = untilDone('SettleMediaObjects');
  const drainBroker = task('DrainBroker', { resultPath: '$.drained' });
  const command = (name: string, onEcs: EcsCommand | undefined, resultPath: string) =>
    onEcs ? new EcsCommandState(scope, name, onEcs, resultPath) : task(name, { resultPath });
  const invalidateCache = command('InvalidateCache', parts.invalidate, '$.cache');
  const afterRestore = command('AfterRestore', parts.afterRestore, '$.afterRestore');
  const end = successfulEnd(scope, {
    ...parts,
    kind: 'Restore',
    outcome: 'restored',
    unannounced: {
      run: JsonPath.objectAt('$.run'),
      plan: { backupId: JsonPath.stringAt('$.plan.backupId'), scope: JsonPath.stringAt('$.plan.scope') },
      switched: JsonPath.objectAt('$.switched'),
    },
    announcement: finished,
  });

  const failure = failurePath(scope, {
    kind: 'Restore',
    functionOf,
    cleanUp: parts.cleanUp,
    announcements: parts.announcements,
    decide: (giveUp) => giveUp,
  });
  const steps = [lock, planRestore, ...build, load, ...finish, verifyRestore, addMedia, switchOver];
  for (const step of [...steps, settleMedia, drainBroker, invalidateCache, afterRestore])
    onFailure(step, failure.entry);

  const isDryRun = Condition.booleanEquals('$.options.dryRun', true);
  const reportDryRun = new Pass(scope, 'ReportDryRun', {
    parameters: { run: JsonPath.objectAt('$.run'), plan: JsonPath.objectAt('$.plan') },
  });
  const whetherToRun = new Choice(scope, 'WhetherToRunAfterRestore')
    .when(Condition.booleanEquals('$.options.afterRestore', true), afterRestore.next(end))
    .otherwise(end);
  const whetherToInvalidate = new Choice(scope, 'WhetherToInvalidateCache')
    .when(Condition.booleanEquals('$.options.invalidateCache', true), invalidateCache.next(whetherToRun))
    .otherwise(whetherToRun);
  // Before the cache: a task that still ran would fill it again
  const whetherToDrain = new Choice(scope, 'WhetherToDrainBroker')
    .when(Condition.booleanEquals('$.options.drainBroker', true), drainBroker.next(whetherToInvalidate))
    .otherwise(whetherToInvalidate);
  // What the target in use refers to changes after the switch-over only
  const copiesMedia = Condition.and(
    Condition.isPresent('$.plan.copiesMedia'),
    Condition.booleanEquals('$.plan.copiesMedia', true),
  );
  const whetherToSettle = new Choice(scope, 'WhetherToSettleMediaObjects')
    .when(copiesMedia, settleMedia.next(whetherToDrain))
    .otherwise(whetherToDrain);
  switchOver.next(whetherToSettle);
  const whetherToAdd = new Choice(scope, 'WhetherToAddMediaObjects')
    .when(copiesMedia, addMedia.next(switchOver))
    .otherwise(switchOver);
  let building = Chain.start(createDatabase);
  for (const step of [...build.slice(1), load, ...finish, verifyRestore]) building = building.next(step);
  building.next(whetherToAdd);
  planRestore.next(new Choice(scope, 'WhetherToBuild').when(isDryRun, reportDryRun).otherwise(building));
  // A dry run changes nothing, so that nobody has to be kept off
  const whetherToLock = new Choice(scope, 'WhetherToLock')
    .when(isDryRun, planRestore)
    .otherwise(lock.next(planRestore));
  return Chain.start(begin(scope, 'restore', functionOf, parts.defaults)).next(whetherToLock);
}

const finished: Announcement = {
  name: 'Finished',
  detailType: 'Restore Finished',
  detail: {
    backup: JsonPath.stringAt('$.plan.backupId'),
    scope: JsonPath.stringAt('$.plan.scope'),
  },
  subject: JsonPath.format('Nautobot backup {} restored', JsonPath.stringAt('$.plan.backupId')),
  message: JsonPath.format(
    'The backup {} is restored ({}) and in use. Run: {} Execution: {}',
    JsonPath.stringAt('$.plan.backupId'),
    JsonPath.stringAt('$.plan.scope'),
    JsonPath.stringAt('$.run.id'),
    JsonPath.stringAt('$.run.executionId'),
  ),
};

function loadRowsAndMedia(scope: Construct, functionOf: FunctionOf): Parallel {
  const input = {
    run: JsonPath.objectAt('$.run'),
    options: JsonPath.objectAt('$.options'),
    backupId: JsonPath.stringAt('$.plan.backupId'),
  };
  const rows = fanOut(scope, 'LoadShards', functionOf, {
    worker: 'LoadShard',
    untilDone: true,
    shards: '$.plan.shards',
    input,
    discardsState: true,
  });
  const media = fanOut(scope, 'ExtractMediaShards', functionOf, {
    worker: 'ExtractMedia',
    shards: '$.plan.mediaShards',
    input,
    discardsState: true,
  });
  return new Parallel(scope, 'LoadRowsAndMedia', { resultPath: JsonPath.DISCARD }).branch(rows, media);
}
