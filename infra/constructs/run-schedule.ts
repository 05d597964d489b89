import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule, CfnScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface RunScheduleOptions {
  /**
   * In whose time a cron expression is meant.
   * @default UTC
   */
  readonly timeZone?: string | undefined;
  /**
   * Minutes after the time within which the execution starts.
   * @default 15
   */
  readonly flexibleMinutes?: number | undefined;
  /** @default true */
  readonly enabled?: boolean | undefined;
}

export interface RunScheduleProps extends RunScheduleOptions {
  /** Names the group of schedules: unique in account and region. */
  readonly name: string;
  readonly description: string;
  readonly machine: IStateMachine;
  readonly input: Readonly<Record<string, unknown>>;
  /** `cron(0 3 * * ? *)` or `rate(1 day)`. */
  readonly expression: string;
}

/**
 * Starts executions of one machine by EventBridge Scheduler. What can't be started within an hour is in `deadLetters`.
 */
export class RunSchedule extends Construct {
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: RunScheduleProps) {
    super(scope, id);
    const { name, description, machine, input, expression } = props;
    const { timeZone = 'UTC', flexibleMinutes = 15, enabled = true } = props;
    const stack = Stack.of(this);
    this.deadLetters = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const group = new CfnScheduleGroup(this, 'Group', { name });
    new CfnSchedule(this, 'Schedule', {
      description,
      groupName: group.ref,
      scheduleExpression: expression,
      scheduleExpressionTimezone: timeZone,
      flexibleTimeWindow:
        flexibleMinutes > 0 ? { mode: 'FLEXIBLE', maximumWindowInMinutes: flexibleMinutes } : { mode: 'OFF' },
      state: enabled ? 'ENABLED' : 'DISABLED',
      target: {
        // The universal target, because it can name the execution: what Scheduler delivers twice starts once. Should a
        // repeated attempt carry another id, the lock of source or target refuses the second run.
        arn: `arn:${stack.partition}:scheduler:::aws-sdk:sfn:startExecution`,
        roleArn: this.#role(machine, group).roleArn,
        input: stack.toJsonString({
          StateMachineArn: machine.stateMachineArn,
          Name: '<aws.scheduler.execution-id>',
          Input: JSON.stringify(input),
        }),
        retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 12 },
        deadLetterConfig: { arn: this.deadLetters.queueArn },
      },
    });
  }

  #role(machine: IStateMachine, group: CfnScheduleGroup): Role {
    const { account } = Stack.of(this);
    const allow = (action: string, resource: string) =>
      new PolicyStatement({ actions: [action], resources: [resource] });
    return new Role(this, 'Role', {
      description: 'EventBridge Scheduler starts executions of one machine',
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': group.attrArn } },
      }),
      inlinePolicies: {
        start: new PolicyDocument({
          statements: [
            allow('states:StartExecution', machine.stateMachineArn),
            allow('sqs:SendMessage', this.deadLetters.queueArn),
          ],
        }),
      },
    });
  }
}
