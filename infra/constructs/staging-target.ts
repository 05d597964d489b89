import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { cleanUpEndedExecutions } from '../ended-executions.ts';
import { HandlerFunctions } from '../handler-functions.ts';
import { machine } from '../machine.ts';
import type { RestoreDefaults } from '../machines/begin.ts';
import { cleanUpMachine } from '../machines/clean-up.ts';
import type { EcsCommand } from '../machines/ecs-command.ts';
import { longest } from '../machines/longest.ts';
import { restoreMachine } from '../machines/restore.ts';
import type { InstanceOptions, InstanceProps } from './instance.ts';
import { type DatabasePlace, isMount, type SecretPlace, type TargetMediaPlace } from './places.ts';

export interface StagingTargetOptions extends InstanceOptions {
  /**
   * The database that backups come from: a restore into it is refused.
   * @default - not compared with
   */
  readonly comparedSource?: DatabasePlace | undefined;
  /**
   * Databases that a restore may go into, `host:port/database`: whatever the secret says, it is refused elsewhere.
   * @default - the one of an IAM login; of a secret any that is marked as a target
   */
  readonly allowedTargets?: readonly string[] | undefined;
  /**
   * Where media files go, or which bucket's are copied into which.
   * @default - media are not restored
   */
  readonly media?: TargetMediaPlace | undefined;
  /**
   * Celery's broker, a secret that is a Redis URL, for executions that ask to drain it.
   * @default - database 0 beside the cache
   */
  readonly broker?: SecretPlace | undefined;
  /**
   * The source's broker, which is never drained.
   * @default - not compared with
   */
  readonly comparedBroker?: SecretPlace | undefined;
  /**
   * The secret that is the password of the administrators a profile makes.
   * @default - none
   */
  readonly adminPassword?: SecretPlace | undefined;
  /**
   * A command on ECS that invalidates the cache where an execution asks for it.
   * @default - the handler InvalidateCache does it
   */
  readonly invalidate?: EcsCommand | undefined;
  /**
   * A command on ECS that runs after a restore where an execution asks for it.
   * @default - executions can't ask for it
   */
  readonly afterRestore?: EcsCommand | undefined;
  /**
   * Options of a restore whose execution does not say.
   * @default - those of docs/inputs.md
   */
  readonly defaults?: RestoreDefaults | undefined;
}

export interface StagingTargetProps extends StagingTargetOptions, InstanceProps {
  /** Comes after the deployment's name in all others. */
  readonly targetName: string;
}

/**
 * A Nautobot that is rebuilt from backups: the machines Restore and CleanUp, and their handlers, which know no other
 * target.
 */
export class StagingTarget extends Construct {
  readonly props: StagingTargetProps;
  readonly handlers: HandlerFunctions;
  readonly restore: StateMachine;
  readonly cleanUp: StateMachine;

  constructor(scope: Construct, id: string, props: StagingTargetProps) {
    super(scope, id);
    this.props = props;
    const { deployment, targetName, database, media, ...given } = props;
    const { announcements = {}, invalidate, afterRestore, defaults, ...rest } = given;
    const { logRetentionDays = 90 } = props;
    const prefix = `${deployment}-${targetName}`;
    this.handlers = new HandlerFunctions(this, 'Handlers', {
      ...rest,
      name: prefix,
      around: {
        ...rest,
        deployment,
        targetName,
        target: database,
        targetMedia: isMount(media) ? media : undefined,
        mediaBuckets: isMount(media) ? undefined : media,
        unavailable: [
          ...(rest.cache || invalidate ? [] : ['invalidateCache']),
          ...(rest.cache ? [] : ['drainBroker']),
          ...(afterRestore ? [] : ['afterRestore']),
        ],
      },
    });
    const functionOf = (handler: string) => this.handlers.functionOf(handler);
    const common = { prefix, logRetentionDays, logKey: props.store.ownKey };

    const cleanUp = machine(this, 'CleanUp', {
      ...common,
      longest: longest.cleanUp,
      define: (at) => cleanUpMachine(at, { functionOf }),
    });
    this.restore = machine(this, 'Restore', {
      ...common,
      longest: longest.restore,
      define: (at) =>
        restoreMachine(at, { functionOf, cleanUp, announcements, invalidate, afterRestore, defaults }),
    });
    this.cleanUp = cleanUp;
    cleanUpEndedExecutions(this, { watched: [this.restore], cleanUp });
  }
}
