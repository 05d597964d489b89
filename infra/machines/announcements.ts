import { Duration } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import {
  Chain,
  type IChainable,
  JitterType,
  JsonPath,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { EventBridgePutEvents, SnsPublish } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { onFailure } from './failure-path.ts';

/** Who is told of sealed backups, finished restores and failed runs. */
export interface Announcements {
  /** @default the account's default event bus */
  readonly eventBus?: IEventBus;
  /** Gets a subject and a sentence. @default only events are sent */
  readonly topic?: ITopic;
}

export const eventSource = 'nautobot-replicator';

export interface Announcement {
  /** Names its states: `SendSealedEvent`, `PublishSealed`. */
  readonly name: 'Sealed' | 'Finished' | 'Failed';
  readonly detailType: 'Backup Sealed' | 'Backup Failed' | 'Restore Finished' | 'Restore Failed';
  /** What the event says beside the run and its execution (docs/announcements.md). */
  readonly detail: Readonly<Record<string, unknown>>;
  /** ASCII, in the end not longer than 100 characters: what Amazon SNS takes. */
  readonly subject: string;
  readonly message: string;
}

/**
 * States that tell of a run's end by Step Functions' own integrations: no Lambda function, and no way out of a VPC, is
 * needed. They pass their input on, and what goes wrong in them is nobody's failure: the run has ended already.
 */
export function announce(
  scope: Construct,
  { eventBus, topic }: Announcements,
  { name, detailType, detail, subject, message }: Announcement,
  last: IChainable,
): IChainable {
  const sendEvent = new EventBridgePutEvents(scope, `Send${name}Event`, {
    entries: [
      {
        source: eventSource,
        detailType,
        detail: TaskInput.fromObject({
          version: 1,
          run: JsonPath.stringAt('$.run.id'),
          execution: JsonPath.stringAt('$.run.executionId'),
          startedAt: JsonPath.stringAt('$.run.startedAt'),
          ...detail,
        }),
        ...(eventBus && { eventBus }),
      },
    ],
    ...common,
  });
  const publish =
    topic &&
    new SnsPublish(scope, `Publish${name}`, {
      topic,
      subject,
      message: TaskInput.fromText(message),
      ...common,
    });
  if (publish) goOn(publish, last);
  goOn(sendEvent, publish ?? last);
  return Chain.sequence(Chain.start(sendEvent), last);
}

const common = { taskTimeout: Timeout.duration(Duration.minutes(1)), resultPath: JsonPath.DISCARD };

function goOn(state: EventBridgePutEvents | SnsPublish, next: IChainable): void {
  onFailure(state, next, JsonPath.DISCARD);
  state.next(next);
  state.addRetry({
    errors: failedCalls,
    interval: Duration.seconds(2),
    maxDelay: Duration.seconds(20),
    backoffRate: 2,
    maxAttempts: 4,
    jitterStrategy: JitterType.FULL,
  });
}

/** A refused call (a missing right, a topic that is gone) is none of these. */
const failedCalls = [
  'EventBridge.FailedEntry',
  'EventBridge.InternalException',
  'EventBridge.SdkClientException',
  'EventBridge.ThrottlingException',
  'SNS.InternalErrorException',
  'SNS.KMSThrottlingException',
  'SNS.SdkClientException',
  'SNS.ThrottledException',
  'States.Timeout',
];
