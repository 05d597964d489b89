/** Environment variables of a handler's Lambda function: set by infra/, read by lambda-surroundings.ts. */
export const environment = {
  bucket: 'REPLICATOR_BUCKET',
  prefix: 'REPLICATOR_PREFIX',
  source: 'REPLICATOR_SOURCE',
  target: 'REPLICATOR_TARGET',
  cache: 'REPLICATOR_CACHE',
  sourceMedia: 'REPLICATOR_SOURCE_MEDIA',
  targetMedia: 'REPLICATOR_TARGET_MEDIA',
  /** Buckets that media are copied between, `s3://bucket/prefix`, and `true` where others are removed. */
  mediaFrom: 'REPLICATOR_MEDIA_FROM',
  mediaTo: 'REPLICATOR_MEDIA_TO',
  mediaRemoveOthers: 'REPLICATOR_MEDIA_REMOVE_OTHERS',
  /** Values of the metrics' dimensions (metric-names.ts): the stack's name, and names for source and target. */
  stack: 'REPLICATOR_STACK',
  sourceName: 'REPLICATOR_SOURCE_NAME',
  targetName: 'REPLICATOR_TARGET_NAME',
  /** Also read by the command line. */
  allowedTargets: 'REPLICATOR_ALLOWED_TARGETS',
  allowedStores: 'REPLICATOR_ALLOWED_STORES',
  /** The password of a cache whose URL has none, as a secret. Also read by the command line. */
  cachePassword: 'REPLICATOR_CACHE_PASSWORD',
  /** The target's Celery broker, and the source's, which is only compared. Also read by the command line. */
  broker: 'REPLICATOR_BROKER',
  sourceBroker: 'REPLICATOR_SOURCE_BROKER',
  /** KEY_PREFIX of Nautobot's CACHES setting. */
  cacheKeyPrefix: 'REPLICATOR_CACHE_KEY_PREFIX',
  /** Why there is no directory of the source's media. */
  mediaReason: 'REPLICATOR_MEDIA_REASON',
  /** Options of executions that this deployment has nothing for, comma separated: `invalidateCache,afterRestore`. */
  unavailable: 'REPLICATOR_UNAVAILABLE',
  /** A built-in profile's name, or a file's beside the handler. */
  profile: 'REPLICATOR_PROFILE',
  maskKey: 'REPLICATOR_MASK_KEY',
  adminPassword: 'REPLICATOR_STAGING_ADMIN_PASSWORD',
  /** Where backups are restored from, `s3://bucket/prefix`, if that is another store. */
  backups: 'REPLICATOR_BACKUPS',
  /** Retention of sealed objects: `GOVERNANCE:30`, mode and days. */
  objectLock: 'REPLICATOR_OBJECT_LOCK',
} as const;

/** What may hold a password: no command of the user's gets it. */
const secret = [
  environment.source,
  environment.target,
  environment.cache,
  environment.cachePassword,
  environment.broker,
  environment.sourceBroker,
  environment.maskKey,
  environment.adminPassword,
] as const;

/** For the environment of a command of the user's. */
export const withoutSecrets: Readonly<Record<string, undefined>> = Object.fromEntries(
  secret.map((name) => [name, undefined]),
);
