import type { MetricName } from '../run/metric-names.ts';

export interface Work {
  readonly bytes: number;
  readonly rows: number;
  readonly files: number;
}

/** Under which names the work of a handler counts. */
const metricsOf: Readonly<Record<string, Partial<Record<keyof Work, MetricName>>>> = {
  CopyShard: { bytes: 'BytesCopied', rows: 'RowsCopied' },
  LoadShard: { bytes: 'BytesLoaded', rows: 'RowsLoaded' },
  ArchiveMedia: { bytes: 'MediaBytesArchived', files: 'MediaFilesArchived' },
  ExtractMedia: { bytes: 'MediaBytesExtracted', files: 'MediaFilesExtracted' },
};

/** The metrics of an amount of work; nothing for what was not done. */
export function workMetrics(handler: string, work: Work): [MetricName, number][] {
  return Object.entries(metricsOf[handler] ?? {})
    .map(([kind, name]): [MetricName, number] => [name, work[kind as keyof Work]])
    .filter(([, amount]) => amount > 0);
}

/** Errors that are counted by themselves. */
const errorMetrics: Readonly<Record<string, MetricName>> = {
  SnapshotLost: 'SnapshotsLost',
  BackupYielded: 'BackupsYielded',
};

export function errorMetric(error: unknown): MetricName | undefined {
  return error instanceof Error ? errorMetrics[error.name] : undefined;
}
