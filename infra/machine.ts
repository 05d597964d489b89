import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, type IChainable, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface MachineProps {
  /** Begins its name: the deployment's, or that and the target's. */
  readonly prefix: string;
  readonly logRetentionDays: number;
  /** Ended by Step Functions after that. */
  readonly longest: Duration;
  /** @default - logs are encrypted with a key of AWS */
  readonly logKey?: IKey | undefined;
  readonly define: (scope: Construct) => IChainable;
}

/** A state machine with its log: `<prefix>-<name>`. */
export function machine(scope: Construct, name: string, props: MachineProps): StateMachine {
  const at = new Construct(scope, name);
  const stateMachineName = `${props.prefix}-${name}`;
  return new StateMachine(at, 'Machine', {
    stateMachineName,
    definitionBody: DefinitionBody.fromChainable(props.define(new Construct(at, 'States'))),
    timeout: props.longest,
    tracingEnabled: true,
    logs: {
      destination: new LogGroup(at, 'Log', {
        // Under this prefix log groups don't fill up the account's resource policy of CloudWatch Logs.
        logGroupName: `/aws/vendedlogs/states/${stateMachineName}`,
        retention: props.logRetentionDays as RetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
        ...(props.logKey && { encryptionKey: props.logKey }),
      }),
      level: LogLevel.ALL,
      // States hold no secret, and an error without its state says little.
      includeExecutionData: true,
    },
  });
}
