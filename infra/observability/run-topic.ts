import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { BackupStore } from '../constructs/backup-store.ts';

export interface RunTopicOptions {
  /**
   * A topic that is there already, in place of a new one.
   * @default - one is made
   */
  readonly topicArn?: string | undefined;
  /**
   * Addresses that get a mail; each has to confirm once.
   * @default - none
   */
  readonly emails?: readonly string[] | undefined;
}

export interface RunTopicProps extends RunTopicOptions {
  /** The new topic is encrypted by the store's own key, where it has one. */
  readonly store: BackupStore;
}

/** Where sealed backups, finished restores, failures and alarms are told. */
export class RunTopic extends Construct {
  readonly topic: ITopic;

  constructor(scope: Construct, id: string, { topicArn, emails = [], store }: RunTopicProps) {
    super(scope, id);
    this.topic = topicArn ? Topic.fromTopicArn(this, 'Topic', topicArn) : this.#newTopic(store);
    for (const email of emails) this.topic.addSubscription(new EmailSubscription(email));
  }

  #newTopic({ ownKey }: BackupStore): Topic {
    const topic = new Topic(this, 'Topic', {
      displayName: 'Nautobot backups',
      enforceSSL: true,
      ...(ownKey && { masterKey: ownKey }),
    });
    // A topic with a policy of its own no longer has SNS' usual one, by which alarms get in.
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsPublish',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    return topic;
  }
}
