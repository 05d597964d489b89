import { Stack, type StackProps } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import type { Configuration } from './configuration.ts';
import { cleanUpEndedExecutions } from './ended-executions.ts';
import { type CodeOf, HandlerFunctions } from './handler-functions.ts';
import { StateMachines } from './state-machines.ts';
import { storeBucket } from './store-bucket.ts';

export interface ReplicatorStackProps extends StackProps {
  readonly configuration: Configuration;
  readonly codeOf: CodeOf;
}

/** Everything that a deployment consists of: the bucket, a function a handler, the machines and what starts them. */
export class ReplicatorStack extends Stack {
  readonly handlers: HandlerFunctions;
  readonly machines: StateMachines;

  constructor(scope: Construct, id: string, props: ReplicatorStackProps) {
    super(scope, id, props);
    const { configuration, codeOf } = props;
    const bucket = storeBucket(this, configuration);
    this.handlers = new HandlerFunctions(this, 'Handlers', { configuration, bucket, codeOf });
    this.machines = new StateMachines(this, 'Machines', {
      configuration,
      functionOf: (handler) => this.handlers.functionOf(handler),
    });
    const { backup, restore, cleanUp } = this.machines;
    cleanUpEndedExecutions(this, { watched: [backup, restore], cleanUp });
    if (configuration.schedule) {
      new Rule(this, 'Schedule', {
        description: 'Starts a backup',
        schedule: Schedule.expression(configuration.schedule.expression),
        targets: [
          new SfnStateMachine(backup, { input: RuleTargetInput.fromObject(configuration.schedule.options) }),
        ],
      });
    }
  }
}
