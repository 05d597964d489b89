import { type App, CfnOutput, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Configuration } from './configuration/schema.ts';
import { BackupStore } from './constructs/backup-store.ts';
import { NautobotSource } from './constructs/nautobot-source.ts';
import { Replication } from './constructs/replication.ts';
import { StagingTarget } from './constructs/staging-target.ts';
import type { CodeOf } from './handler-functions.ts';

export interface Deployment {
  readonly main: Stack;
  readonly store: BackupStore;
  readonly source: NautobotSource | undefined;
  readonly targets: readonly StagingTarget[];
}

/** The stacks of a configuration: one for bucket and source, `<stackName>`, and one for each target, `<stackName>-<target>`. */
export function deploy(app: App, configuration: Configuration, codeOf: CodeOf): Deployment {
  const { stackName: deployment, account, region, tags, logs, lambda, network } = configuration;
  const props: StackProps = { env: { ...(account && { account }), ...(region && { region }) } };
  for (const [key, value] of Object.entries(tags)) Tags.of(app).add(key, value);

  const main = new Stack(app, deployment, { ...props, description: 'Backs up Nautobot' });
  const { key, ...storeOptions } = configuration.store;
  const store = new BackupStore(main, 'Store', {
    ...storeOptions,
    key: typeof key === 'string' ? key : Key.fromKeyArn(main, 'StoreKey', key.arn),
  });
  output(main, { BucketName: store.bucket.bucketName, Prefix: store.prefix });
  const common = { deployment, store, codeOf, logRetentionDays: logs.retentionDays, ...lambda };

  const { source: sourceFields } = configuration;
  const source =
    sourceFields &&
    new NautobotSource(main, 'Source', {
      ...sourceFields,
      ...common,
      sourceName: sourceFields.name,
      defaults: { jobs: sourceFields.jobs },
      network,
    });
  if (source)
    output(main, {
      BackupMachineArn: source.backup.stateMachineArn,
      CleanUpMachineArn: source.cleanUp.stateMachineArn,
    });

  const targets = configuration.targets.map(({ name, ...fields }) => {
    const stack = new Stack(app, `${deployment}-${name}`, {
      ...props,
      description: `Rebuilds Nautobot: ${name}`,
    });
    const { cache, jobs, keepPrevious, ...places } = fields;
    const target = new StagingTarget(stack, 'Target', {
      ...places,
      ...common,
      cache: cache && 'ecsTask' in cache ? undefined : cache,
      invalidate: cache && 'ecsTask' in cache ? cache.ecsTask : undefined,
      defaults: { jobs, keepPrevious },
      targetName: name,
      comparedSource: sourceFields?.database,
      network: fields.network ?? network,
    });
    output(stack, {
      TargetName: name,
      RestoreMachineArn: target.restore.stateMachineArn,
      CleanUpMachineArn: target.cleanUp.stateMachineArn,
    });
    if (source) {
      const { replicate } = new Replication(stack, 'Replication', { source, target });
      output(stack, { ReplicateMachineArn: replicate.stateMachineArn });
    }
    return target;
  });
  return { main, store, source, targets };
}

/** What `replicator start` and `status` find machines by. */
function output(stack: Stack, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) if (value) new CfnOutput(stack, name, { value });
}
