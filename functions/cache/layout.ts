/**
 * What a key in Redis is to Nautobot:
 * - `django`: an entry of the Django cache that is to go
 * - `otherVersion`: one of the same cache with another version than 1, which nothing in Nautobot writes
 * - `cacheops`: an entry of the query cache of Nautobot 1.6
 * - `broker`: a trace of a Celery broker or its results
 * - `unknown`: anything else; never touched
 */
export type KeyKind = 'django' | 'otherVersion' | 'cacheops' | 'broker' | 'unknown';

const cacheopsKey = /^(q|as|conj|schemes):/;
const brokerKey = /^(_kombu\.|unacked|celery-task-meta-|celery-taskset-meta-|celery$)/;
/** Kombu's name for the queue of a priority: `default`, this, a digit. */
const prioritySeparator = '\x06\x16';

/**
 * Keys are compared and never used as patterns, so that a prefix with `*`, `?` or `[` means itself.
 * @param key as latin1
 * @param keyPrefix Django's KEY_PREFIX; keys are `<prefix>:<version>:<name>`
 */
export function kindOfKey(key: string, keyPrefix: string): KeyKind {
  const prefix = Buffer.from(keyPrefix).toString('latin1');
  if (key.startsWith(`${prefix}:`)) {
    const version = /^(\d+):/.exec(key.slice(prefix.length + 1))?.[1];
    if (version === '1') return 'django';
    if (version !== undefined) return 'otherVersion';
  }
  if (cacheopsKey.test(key)) return 'cacheops';
  return brokerKey.test(key) || key.includes(prioritySeparator) ? 'broker' : 'unknown';
}

/** The prefix that a key would have as an entry of another Django cache, `staging` of `staging:1:name`. */
export function otherPrefixOf(key: string): string | undefined {
  return /^([^:]{0,100}):1:/.exec(key)?.[1];
}
