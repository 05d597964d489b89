/** The CloudWatch namespace of everything that handlers measure on Lambda. */
export const metricNamespace = 'NautobotReplicator';

/**
 * Dimensions of every metric of a function: those whose value its environment names (environment-names.ts, `stack`,
 * `sourceName`, `targetName`). An alarm names exactly the dimensions of the functions that measure.
 */
export const metricDimensions = { stack: 'Stack', source: 'Source', target: 'Target' } as const;

/** Every metric by its name in CloudWatch, with its unit there. */
export const metricUnits = {
  /** Uncompressed bytes and rows of tables that CopyShard read. */
  BytesCopied: 'Bytes',
  RowsCopied: 'Count',
  /** Uncompressed bytes and rows that LoadShard committed into the hidden database. */
  BytesLoaded: 'Bytes',
  RowsLoaded: 'Count',
  MediaBytesArchived: 'Bytes',
  MediaFilesArchived: 'Count',
  MediaBytesExtracted: 'Bytes',
  MediaFilesExtracted: 'Count',
  /** Seconds that an invocation of a handler took, whichever it was. */
  HandlerSeconds: 'Seconds',
  /** 1 for every sealed backup; none in a day is what a dead-man's switch looks for. */
  BackupsSealed: 'Count',
  /** Bytes of a sealed backup in the bucket. */
  SealedBackupBytes: 'Bytes',
  /** From the start of the execution to the sealed backup. */
  BackupSeconds: 'Seconds',
  /** When the snapshot of the last sealed backup was taken, in seconds since 1970: its age is EPOCH() less this. */
  SealedBackupTakenAt: 'Seconds',
  /** 1 for every restore that was switched over to and announced. */
  RestoresDone: 'Count',
  /** From the start of the execution to its announcement. */
  RestoreSeconds: 'Seconds',
  /** How long the keeper's snapshot has been holding back vacuum on the source; every minute. */
  SnapshotAgeSeconds: 'Seconds',
  /** 1 for everybody who found the snapshot gone: keeper and workers. */
  SnapshotsLost: 'Count',
  /** 1 for every backup that gave way to somebody waiting for its locks. */
  BackupsYielded: 'Count',
  /** Answers of the object store that asked to slow down (503, 429). */
  StoreThrottles: 'Count',
  /** Requests to the object store that were sent again, for whatever reason. */
  StoreRetries: 'Count',
} as const;

export type MetricName = keyof typeof metricUnits;
