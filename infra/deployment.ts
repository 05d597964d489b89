import { type App, CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { stackOutputs as names } from '../functions/run/stack-outputs.ts';
import type { Configuration } from './configuration/schema.ts';
import type { Source } from './configuration/source.ts';
import type { Target } from './configuration/target.ts';
import { BackupStore } from './constructs/backup-store.ts';
import { NautobotSource } from './constructs/nautobot-source.ts';
import { Replication } from './constructs/replication.ts';
import { RunSchedule } from './constructs/run-schedule.ts';
import { StagingTarget } from './constructs/staging-target.ts';
import type { AssetsFor } from './handler-assets.ts';
import { Endpoints } from './network/endpoints.ts';
import { neededServices } from './network/needed-services.ts';
import { SourceAlarms, TargetAlarms } from './observability/alarms.ts';
import { RunDashboard } from './observability/dashboard.ts';
import { RunTopic } from './observability/run-topic.ts';

interface Parts {
  readonly configuration: Configuration;
  readonly assetsFor: AssetsFor;
  readonly store: BackupStore;
  readonly runTopic: RunTopic;
}

/**
 * The stacks of a configuration: `<stackName>` with bucket, source and what watches over them, and for each target
 * `<stackName>-<target>`.
 */
export function deploy(app: App, configuration: Configuration, assetsFor: AssetsFor): void {
  const { stackName: deployment, account, region, tags } = configuration;
  const env: StackProps = { env: { ...(account && { account }), ...(region && { region }) } };
  // Dashboards take no tags in every region yet.
  const tagged = { excludeResourceTypes: ['AWS::CloudWatch::Dashboard'] };
  for (const [key, value] of Object.entries(tags)) Tags.of(app).add(key, value, tagged);

  const main = new Stack(app, deployment, { ...env, description: 'Backups of Nautobot' });
  const store = storeOf(main, configuration);
  const { notifications, source: fields, targets } = configuration;
  const runTopic = new RunTopic(main, 'Notifications', { ...notifications, store });
  const parts: Parts = { configuration, assetsFor, store, runTopic };
  outputs(main, {
    [names.bucket]: store.bucket.bucketName,
    [names.prefix]: store.prefix,
    [names.targets]: targets.map(({ name }) => name).join(','),
    TopicArn: runTopic.topic.topicArn,
  });
  makeEndpoints(main, configuration);
  const source = fields && sourceIn(main, fields, parts);
  for (const target of targets) {
    const description = `Rebuilds the Nautobot ${target.name} from backups`;
    targetIn(new Stack(app, `${deployment}-${target.name}`, { ...env, description }), target, source, parts);
  }
  new RunDashboard(main, 'Dashboard', {
    deployment,
    sourceName: source?.sourceName,
    targetNames: targets.map(({ name }) => name),
    bucketName: store.bucket.bucketName,
  });
}

function storeOf(
  main: Stack,
  { stackName: deployment, store: { key, ...options } }: Configuration,
): BackupStore {
  return new BackupStore(main, 'Store', {
    ...options,
    deployment,
    key: typeof key === 'string' ? key : Key.fromKeyArn(main, 'StoreKey', key.arn),
  });
}

function makeEndpoints(main: Stack, configuration: Configuration): void {
  const { vpcId, access } = configuration.network;
  if (access !== 'endpoints' || !vpcId) return;
  const services = neededServices(configuration).filter((service) => service !== 's3');
  new Endpoints(main, 'Endpoints', { ...configuration.network, vpcId, services });
}

function sourceIn(main: Stack, fields: Source, parts: Parts): NautobotSource {
  const { configuration, runTopic, assetsFor, store } = parts;
  const { stackName: deployment, network, alarms, logs, lambda } = configuration;
  const source = new NautobotSource(main, 'Source', {
    ...fields,
    ...lambda,
    ...assetsFor(fields.profile),
    store,
    logRetentionDays: logs.retentionDays,
    deployment,
    network,
    sourceName: fields.name,
    announcements: { topic: runTopic.topic },
    defaults: { jobs: fields.jobs },
  });
  outputs(main, {
    [names.backupMachine]: source.backup.stateMachineArn,
    [names.cleanUpMachine]: source.cleanUp.stateMachineArn,
  });
  const schedule =
    fields.schedule &&
    new RunSchedule(main, 'Schedule', {
      ...fields.schedule,
      name: deployment,
      description: `Starts a backup of ${source.sourceName}`,
      machine: source.backup,
      input: fields.schedule.options,
    });
  if (alarms.enabled)
    new SourceAlarms(main, 'Alarms', {
      ...alarms,
      source,
      topic: runTopic.topic,
      deadLetters: schedule?.deadLetters,
    });
  return source;
}

function targetIn(stack: Stack, fields: Target, source: NautobotSource | undefined, parts: Parts): void {
  const { configuration, runTopic, assetsFor, store } = parts;
  const { stackName: deployment, network, alarms, logs, lambda } = configuration;
  const { name: targetName, schedule: refresh, cache, jobs, keepPrevious, ...places } = fields;
  const target = new StagingTarget(stack, 'Target', {
    ...places,
    ...lambda,
    ...assetsFor(fields.profile),
    store,
    logRetentionDays: logs.retentionDays,
    deployment,
    targetName,
    cache: cache && 'ecsTask' in cache ? undefined : cache,
    comparedSource: configuration.source?.database,
    comparedBroker: configuration.source?.broker,
    network: fields.network ?? network,
    invalidate: cache && 'ecsTask' in cache ? cache.ecsTask : undefined,
    announcements: { topic: runTopic.topic },
    defaults: {
      jobs,
      keepPrevious,
      invalidateCache: cache !== undefined,
      afterRestore: fields.afterRestore !== undefined,
    },
  });
  outputs(stack, {
    [names.targetName]: targetName,
    [names.restoreMachine]: target.restore.stateMachineArn,
    [names.cleanUpMachine]: target.cleanUp.stateMachineArn,
  });
  const replication = source && new Replication(stack, 'Replication', { source, target });
  if (replication) outputs(stack, { [names.replicateMachine]: replication.replicate.stateMachineArn });
  const schedule =
    refresh &&
    new RunSchedule(stack, 'Schedule', {
      ...refresh,
      name: `${deployment}-${targetName}`,
      description: `Refreshes ${targetName} (${refresh.run})`,
      machine: refresh.run === 'replicate' && replication ? replication.replicate : target.restore,
      input:
        refresh.run === 'replicate'
          ? { backup: refresh.backupOptions, restore: refresh.options }
          : refresh.options,
    });
  if (alarms.enabled)
    new TargetAlarms(stack, 'Alarms', { target, topic: runTopic.topic, deadLetters: schedule?.deadLetters });
}

/** What `replicator start` and `status` find machines by. */
function outputs(stack: Stack, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) if (value) new CfnOutput(stack, name, { value });
}
