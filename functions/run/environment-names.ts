/** Environment variables of a handler's Lambda function: set by infra/, read by lambda-surroundings.ts. */
export const environment = {
  bucket: 'REPLICATOR_BUCKET',
  prefix: 'REPLICATOR_PREFIX',
  source: 'REPLICATOR_SOURCE',
  target: 'REPLICATOR_TARGET',
  cache: 'REPLICATOR_CACHE',
  sourceMedia: 'REPLICATOR_SOURCE_MEDIA',
  targetMedia: 'REPLICATOR_TARGET_MEDIA',
} as const;
