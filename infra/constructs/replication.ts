import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { machine } from '../machine.ts';
import { longest } from '../machines/longest.ts';
import { replicateMachine } from '../machines/replicate.ts';
import type { NautobotSource } from './nautobot-source.ts';
import type { StagingTarget } from './staging-target.ts';

export interface ReplicationProps {
  readonly source: NautobotSource;
  readonly target: StagingTarget;
}

/** From a source to a target in one go: the machine Replicate, which runs the source's Backup and the target's Restore. */
export class Replication extends Construct {
  readonly replicate: StateMachine;

  constructor(scope: Construct, id: string, { source, target }: ReplicationProps) {
    super(scope, id);
    const { deployment, targetName, store, logRetentionDays = 90 } = target.props;
    this.replicate = machine(this, 'Replicate', {
      prefix: `${deployment}-${targetName}`,
      logRetentionDays,
      longest: longest.replicate,
      define: (at) =>
        replicateMachine(at, {
          functionOf: (handler) => target.handlers.functionOf(handler),
          backup: source.backup,
          restore: target.restore,
        }),
      logKey: store.ownKey,
    });
  }
}
