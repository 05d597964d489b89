/** Environment variables of a handler's Lambda function: set by infra/, read by lambda-surroundings.ts. */
export const environment = {
  bucket: 'REPLICATOR_BUCKET',
  prefix: 'REPLICATOR_PREFIX',
  source: 'REPLICATOR_SOURCE',
  target: 'REPLICATOR_TARGET',
  cache: 'REPLICATOR_CACHE',
  sourceMedia: 'REPLICATOR_SOURCE_MEDIA',
  targetMedia: 'REPLICATOR_TARGET_MEDIA',
  /** Values of the metrics' dimensions (metric-names.ts): the stack's name, and names for source and target. */
  stack: 'REPLICATOR_STACK',
  sourceName: 'REPLICATOR_SOURCE_NAME',
  targetName: 'REPLICATOR_TARGET_NAME',
  /** Also read by the command line. */
  allowedTargets: 'REPLICATOR_ALLOWED_TARGETS',
  allowedStores: 'REPLICATOR_ALLOWED_STORES',
} as const;
