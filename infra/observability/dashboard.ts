import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  Metric,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { MetricName } from '../../functions/run/metric-names.ts';
import { executionMetric, failedExecutions, handlerMetric, type Measured } from './metrics.ts';

export interface RunDashboardProps {
  readonly deployment: string;
  /** @default - no source */
  readonly sourceName?: string | undefined;
  /** Targets by name: their stacks are made after this one, and known by their machines' names only. */
  readonly targetNames: readonly string[];
  readonly bucketName: string;
}

/** One page of CloudWatch with what backups and restores have come to. */
export class RunDashboard extends Construct {
  constructor(scope: Construct, id: string, props: RunDashboardProps) {
    super(scope, id);
    const { deployment, sourceName, targetNames, bucketName } = props;
    const rows = [
      ...(sourceName ? [sourceRow(this, deployment, sourceName), snapshotRow(deployment, sourceName)] : []),
      ...targetNames.map((targetName) => targetRow(this, deployment, targetName)),
      [storeWidget(bucketName)],
    ];
    new Dashboard(this, 'Dashboard', {
      dashboardName: deployment,
      defaultInterval: Duration.days(14),
      widgets: rows,
    });
  }
}

function sourceRow(scope: Construct, deployment: string, sourceName: string): IWidget[] {
  const of = { deployment, sourceName };
  return [
    title(`## ${sourceName}: backups`),
    runs('Backups', machineArn(scope, `${deployment}-Backup`)),
    graph('Duration (s)', [measured('BackupSeconds', of, Stats.MAXIMUM)]),
    graph('Size of sealed backups', [measured('SealedBackupBytes', of, Stats.MAXIMUM)]),
    graph('Copied', [measured('BytesCopied', of, Stats.SUM), measured('MediaBytesArchived', of, Stats.SUM)]),
  ];
}

function snapshotRow(deployment: string, sourceName: string): IWidget[] {
  const of = { deployment, sourceName };
  return [
    graph('Age of the snapshot (s)', [measured('SnapshotAgeSeconds', of, Stats.MAXIMUM)]),
    graph('Snapshots lost, backups that yielded', [
      measured('SnapshotsLost', of, Stats.SUM),
      measured('BackupsYielded', of, Stats.SUM),
    ]),
    graph('Object store: throttled, repeated', [
      measured('StoreThrottles', of, Stats.SUM),
      measured('StoreRetries', of, Stats.SUM),
    ]),
  ];
}

function targetRow(scope: Construct, deployment: string, targetName: string): IWidget[] {
  const of = { deployment, targetName };
  return [
    title(`## ${targetName}: restores`),
    runs('Restores', machineArn(scope, `${deployment}-${targetName}-Restore`)),
    graph('Duration (s)', [measured('RestoreSeconds', of, Stats.MAXIMUM)]),
    graph('Loaded', [measured('BytesLoaded', of, Stats.SUM), measured('MediaBytesExtracted', of, Stats.SUM)]),
  ];
}

function storeWidget(bucketName: string): IWidget {
  const stored = (StorageType: string) =>
    new Metric({
      namespace: 'AWS/S3',
      metricName: 'BucketSizeBytes',
      dimensionsMap: { BucketName: bucketName, StorageType },
      statistic: Stats.AVERAGE,
      period: Duration.days(1),
      label: StorageType,
    });
  const types = ['StandardStorage', 'StandardIAStorage', 'GlacierInstantRetrievalStorage'];
  return graph('Stored in the bucket', types.map(stored));
}

const title = (markdown: string) => new TextWidget({ markdown, width: 24, height: 1 });

const graph = (name: string, left: IMetric[]) => new GraphWidget({ title: name, left, width: 6, height: 6 });

const measured = (name: MetricName, of: Measured, statistic: string) =>
  handlerMetric(name, of, statistic).with({ label: name });

function runs(name: string, stateMachineArn: string): IWidget {
  return graph(name, [
    executionMetric('ExecutionsSucceeded', stateMachineArn).with({ label: 'succeeded' }),
    failedExecutions(stateMachineArn).with({ label: 'failed', color: '#d62728' }),
  ]);
}

function machineArn(scope: Construct, name: string): string {
  return Stack.of(scope).formatArn({
    service: 'states',
    resource: 'stateMachine',
    resourceName: name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
