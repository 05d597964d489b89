import { flag, option, text } from './values.ts';

/** Cache and queues. */

const redisUrl = text
  .regex(
    /^(rediss?|rediss?[+-]sentinel|sentinel|secretsmanager):\/\/\S+$/i,
    'is not a Redis URL; write redis://host:6379, or rediss:// for TLS',
  )
  .optional();

const cache = {
  value: 'REDIS-URL',
  help: "Delete Nautobot's cache keys there afterwards: redis://host:6379, rediss:// for TLS, redis+sentinel://host,host/primary, or secretsmanager://SECRET-ID. A path (/1) names the database.",
  schema: redisUrl,
};

/** Without a variable: one that is set for restores must not empty production's cache at each backup. */
export const invalidateSourceCache = option(cache);

export const invalidateTargetCache = option({ ...cache, environment: 'REPLICATOR_CACHE' });

export const invalidateCommand = option({
  value: 'COMMAND',
  help: 'Run this instead, as in "nautobot-server invalidate all".',
  schema: text.optional(),
});

export const cacheKeyPrefix = option({
  value: 'PREFIX',
  help: "KEY_PREFIX of Nautobot's CACHES setting, where it has one.",
  schema: text.optional(),
});

export const drainBroker = option({
  help: "Remove the tasks that wait in the target's Celery queues, after naming them and asking; results stay.",
  schema: flag,
});

export const broker = option({
  value: 'REDIS-URL',
  environment: 'REPLICATOR_BROKER',
  help: "The target's Celery broker, where it isn't database 0 of the server that --invalidate-cache names.",
  schema: redisUrl,
});

export const sourceBroker = option({
  value: 'REDIS-URL',
  environment: 'REPLICATOR_SOURCE_BROKER',
  help: "The source's Celery broker, to be sure that --drain-broker is about another one.",
  schema: redisUrl,
});
