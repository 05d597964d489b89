import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { cleanUpEndedExecutions } from '../ended-executions.ts';
import { HandlerFunctions } from '../handler-functions.ts';
import { machine } from '../machine.ts';
import { backupMachine } from '../machines/backup.ts';
import type { BackupDefaults } from '../machines/begin.ts';
import { cleanUpMachine } from '../machines/clean-up.ts';
import { keepSnapshotMachine } from '../machines/keep-snapshot.ts';
import { longest } from '../machines/longest.ts';
import type { InstanceOptions, InstanceProps } from './instance.ts';
import type { SourceMediaPlace } from './places.ts';

export interface NautobotSourceOptions extends InstanceOptions {
  /**
   * What metrics and the dashboard call it.
   * @default production
   */
  readonly sourceName?: string | undefined;
  /**
   * Media files.
   * @default - backups have none
   */
  readonly media?: SourceMediaPlace | undefined;
  /**
   * Options of a backup whose execution does not say.
   * @default - those of docs/inputs.md
   */
  readonly defaults?: BackupDefaults | undefined;
}

export interface NautobotSourceProps extends NautobotSourceOptions, InstanceProps {}

/** A Nautobot that is backed up: the machines Backup, KeepSnapshot and CleanUp, and their handlers. */
export class NautobotSource extends Construct {
  readonly props: NautobotSourceProps;
  readonly sourceName: string;
  readonly handlers: HandlerFunctions;
  readonly backup: StateMachine;
  readonly keepSnapshot: StateMachine;
  readonly cleanUp: StateMachine;

  constructor(scope: Construct, id: string, props: NautobotSourceProps) {
    super(scope, id);
    this.props = props;
    const { deployment, database, media, announcements = {}, defaults, ...rest } = props;
    const { sourceName = 'production', logRetentionDays = 90 } = props;
    this.sourceName = sourceName;
    this.handlers = new HandlerFunctions(this, 'Handlers', {
      ...rest,
      name: deployment,
      around: {
        ...rest,
        deployment,
        sourceName,
        source: database,
        sourceMedia: media,
        unavailable: rest.cache ? [] : ['invalidateCache'],
      },
    });
    const functionOf = (handler: string) => this.handlers.functionOf(handler);
    const common = { prefix: deployment, logRetentionDays, logKey: props.store.ownKey };

    const cleanUp = machine(this, 'CleanUp', {
      ...common,
      longest: longest.cleanUp,
      define: (at) => cleanUpMachine(at, { functionOf }),
    });
    const keepSnapshot = machine(this, 'KeepSnapshot', {
      ...common,
      longest: longest.keepSnapshot,
      define: (at) =>
        keepSnapshotMachine(at, { functionOf, cleanUp, parentMachineName: `${deployment}-Backup` }),
    });
    this.backup = machine(this, 'Backup', {
      ...common,
      longest: longest.backup,
      define: (at) => backupMachine(at, { functionOf, keepSnapshot, cleanUp, announcements, defaults }),
    });
    this.keepSnapshot = keepSnapshot;
    this.cleanUp = cleanUp;
    props.store.allowSealing(this.handlers.roleOf('SealBackup'));
    cleanUpEndedExecutions(this, { watched: [this.backup], cleanUp });
  }
}
