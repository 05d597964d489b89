import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { cleanUpEndedExecutions } from '../ended-executions.ts';
import { type CodeOf, type FunctionOptions, HandlerFunctions } from '../handler-functions.ts';
import { machine } from '../machine.ts';
import type { Announcements } from '../machines/announcements.ts';
import { backupMachine } from '../machines/backup.ts';
import type { BackupDefaults } from '../machines/begin.ts';
import { cleanUpMachine } from '../machines/clean-up.ts';
import { keepSnapshotMachine } from '../machines/keep-snapshot.ts';
import { longest } from '../machines/longest.ts';
import type { BackupStore } from './backup-store.ts';
import type { CachePlace, DatabasePlace, NetworkPlace, SecretPlace, SourceMediaPlace } from './places.ts';

export interface NautobotSourceOptions extends FunctionOptions {
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
   * The cache that is invalidated where an execution asks for it.
   * @default - none
   */
  readonly cache?: CachePlace | undefined;
  /**
   * A built-in profile, or a file's name beside the handlers.
   * @default - none
   */
  readonly profile?: string | undefined;
  /**
   * The secret that a profile's masks are keyed with.
   * @default - none
   */
  readonly maskKey?: SecretPlace | undefined;
  /**
   * Who is told of sealed backups and of failures.
   * @default - events on the account's default bus
   */
  readonly announcements?: Announcements | undefined;
  /**
   * Options of a backup whose execution does not say.
   * @default - those of docs/inputs.md
   */
  readonly defaults?: BackupDefaults | undefined;
}

export interface NautobotSourceProps extends NautobotSourceOptions {
  /** The deployment's name, which begins all other names: unique in account and region. */
  readonly deployment: string;
  readonly store: BackupStore;
  readonly codeOf: CodeOf;
  readonly network: NetworkPlace;
  readonly database: DatabasePlace;
}

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
