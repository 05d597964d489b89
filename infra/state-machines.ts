import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, type IChainable, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { MachineName } from '../local/machine-names.ts';
import type { Configuration } from './configuration.ts';
import { backupMachine } from './machines/backup.ts';
import { cleanUpMachine } from './machines/clean-up.ts';
import { keepSnapshotMachine } from './machines/keep-snapshot.ts';
import type { FunctionOf } from './machines/lambda-state.ts';
import { replicateMachine } from './machines/replicate.ts';
import { restoreMachine } from './machines/restore.ts';

export interface StateMachinesProps {
  readonly configuration: Configuration;
  readonly functionOf: FunctionOf;
}

/** The five machines, each of which the command line runs from the same definition. */
export class StateMachines extends Construct {
  readonly backup: StateMachine;
  readonly restore: StateMachine;
  readonly replicate: StateMachine;
  readonly all: Readonly<Record<MachineName, StateMachine>>;
  readonly cleanUp: StateMachine;

  constructor(scope: Construct, id: string, props: StateMachinesProps) {
    super(scope, id);
    const { functionOf, configuration } = props;
    const machine = (name: string, define: (scope: Construct) => IChainable) =>
      this.#machine(name, configuration, define);

    this.cleanUp = machine('CleanUp', (at) => cleanUpMachine(at, { functionOf }));
    const { cleanUp } = this;
    const parentMachineName = `${configuration.stackName}-Backup`;
    const keepSnapshot = machine('KeepSnapshot', (at) =>
      keepSnapshotMachine(at, { functionOf, cleanUp, parentMachineName }),
    );
    this.backup = machine('Backup', (at) => backupMachine(at, { functionOf, keepSnapshot, cleanUp }));
    this.restore = machine('Restore', (at) => restoreMachine(at, { functionOf, cleanUp }));
    const { backup, restore } = this;
    this.replicate = machine('Replicate', (at) => replicateMachine(at, { backup, restore }));
    this.all = {
      backup,
      restore,
      replicate: this.replicate,
      'clean-up': cleanUp,
      'keep-snapshot': keepSnapshot,
    };
  }

  #machine(
    name: string,
    configuration: Configuration,
    define: (scope: Construct) => IChainable,
  ): StateMachine {
    const scope = new Construct(this, name);
    return new StateMachine(scope, 'Machine', {
      stateMachineName: `${configuration.stackName}-${name}`,
      definitionBody: DefinitionBody.fromChainable(define(new Construct(scope, 'States'))),
      logs: {
        destination: new LogGroup(scope, 'Log', {
          retention: configuration.logRetentionDays as RetentionDays,
        }),
        level: LogLevel.ERROR,
      },
    });
  }
}
