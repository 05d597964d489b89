import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type CreateAlarmOptions,
  type IMetric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { NautobotSource } from '../constructs/nautobot-source.ts';
import type { StagingTarget } from '../constructs/staging-target.ts';
import { executionMetric, failedExecutions, handlerMetric, throttledInvocations } from './metrics.ts';

interface Told {
  /** Gets every alarm, and its end. */
  readonly topic: ITopic;
  /**
   * What a schedule could not start.
   * @default - not watched
   */
  readonly deadLetters?: IQueue | undefined;
}

export interface SourceAlarmsOptions {
  /**
   * Hours without a sealed backup after which the dead-man's switch goes off; at most 168.
   * @default 26
   */
  readonly noBackupForHours?: number | undefined;
  /**
   * Hours after which a backup's snapshot, which holds back vacuum at the source, is reported.
   * @default 4
   */
  readonly snapshotHours?: number | undefined;
}

export interface SourceAlarmsProps extends SourceAlarmsOptions, Told {
  readonly source: NautobotSource;
}

/** What is worth being woken for at a source. */
export class SourceAlarms extends Construct {
  constructor(scope: Construct, id: string, props: SourceAlarmsProps) {
    super(scope, id);
    const { source, noBackupForHours = 26, snapshotHours = 4 } = props;
    const alarm = alarmsOf(this, source.props.deployment, props.topic);
    const of = { deployment: source.props.deployment, sourceName: source.sourceName };
    const { stateMachineArn } = source.backup;

    alarm('BackupFailed', failedExecutions(stateMachineArn), {
      alarmDescription: 'A backup failed, timed out or was stopped: docs/runbook.md, "a run failed".',
    });
    // A backup succeeds once it is sealed. Step Functions counts, so that this needs nothing of ours to work.
    const sealed = executionMetric('ExecutionsSucceeded', stateMachineArn).with({
      period: Duration.hours(1),
    });
    alarm('NoBackup', sealed, {
      alarmDescription: `No backup was sealed for ${noBackupForHours} hours: is the schedule on, and do backups succeed?`,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      threshold: 1,
      evaluationPeriods: noBackupForHours,
      datapointsToAlarm: noBackupForHours,
      treatMissingData: TreatMissingData.BREACHING,
    });
    alarm('SnapshotLost', handlerMetric('SnapshotsLost', of, Stats.SUM), {
      alarmDescription:
        'The keeper lost its snapshot; the backup starts over once. Did the source restart or fail over?',
    });
    alarm('SnapshotOld', handlerMetric('SnapshotAgeSeconds', of, Stats.MAXIMUM), {
      alarmDescription: `A backup's snapshot has been holding back vacuum at the source for ${snapshotHours} hours.`,
      threshold: snapshotHours * 3600,
    });
    commonAlarms(alarm, {
      functions: source.handlers.functionNames([
        'KeepSnapshot',
        'OpenSnapshot',
        'CopyShard',
        'ArchiveMedia',
        'SealBackup',
      ]),
      machine: stateMachineArn,
      cleanUp: source.cleanUp.stateMachineArn,
      deadLetters: props.deadLetters,
    });
  }
}

export interface TargetAlarmsProps extends Told {
  readonly target: StagingTarget;
}

/** What is worth being woken for at a target. */
export class TargetAlarms extends Construct {
  constructor(scope: Construct, id: string, { target, topic, deadLetters }: TargetAlarmsProps) {
    super(scope, id);
    const alarm = alarmsOf(this, `${target.props.deployment}-${target.props.targetName}`, topic);
    alarm('RestoreFailed', failedExecutions(target.restore.stateMachineArn), {
      alarmDescription:
        'A restore failed, timed out or was stopped; the target is as it was: docs/runbook.md.',
    });
    commonAlarms(alarm, {
      functions: target.handlers.functionNames(['LoadShard', 'ExtractMedia', 'BuildIndexes', 'SwitchOver']),
      machine: target.restore.stateMachineArn,
      cleanUp: target.cleanUp.stateMachineArn,
      deadLetters,
    });
  }
}

interface Common {
  readonly functions: readonly string[];
  readonly machine: string;
  readonly cleanUp: string;
  readonly deadLetters: IQueue | undefined;
}

function commonAlarms(alarm: MakeAlarm, { functions, machine, cleanUp, deadLetters }: Common): void {
  alarm('CleanUpFailed', failedExecutions(cleanUp), {
    alarmDescription:
      'What a run left could not be removed; the execution of CleanUp says what. The next run tries again.',
  });
  alarm('FunctionsThrottled', throttledInvocations(functions), {
    alarmDescription:
      'Lambda had no place for workers: ask for more concurrency in the account, or use fewer jobs.',
    threshold: 20,
  });
  alarm('MachineThrottled', executionMetric('ExecutionThrottled', machine), {
    alarmDescription: 'Step Functions slows executions down: the account is near its limits.',
    threshold: 100,
  });
  if (deadLetters)
    alarm('NotStarted', deadLetters.metricApproximateNumberOfMessagesVisible(), {
      alarmDescription:
        'The schedule could not start an execution; the message in the dead-letter queue says why.',
    });
}

type MakeAlarm = (name: string, metric: IMetric, options: Partial<CreateAlarmOptions>) => void;

function alarmsOf(scope: Construct, prefix: string, topic: ITopic): MakeAlarm {
  return (name, metric, options) => {
    const alarm = new Alarm(scope, name, {
      alarmName: `${prefix}-${name}`,
      metric,
      threshold: 0,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...options,
    });
    alarm.addAlarmAction(new SnsAction(topic));
    alarm.addOkAction(new SnsAction(topic));
  };
}
