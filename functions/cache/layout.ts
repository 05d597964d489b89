/**
 * What a key in Redis is to Nautobot:
 * - `django`: an entry of the Django cache that is to go
 * - `otherVersion`: one of the same cache with another version than 1, which nothing in Nautobot writes
 * - `query`: an entry of the query cache of Nautobot 1.6 (cacheops): a result, named by a checksum that nothing else has
 * - `cacheops`: what else looks like the query cache's: its index, or entries named in another way
 * - `broker`: a trace of a Celery broker or its results
 * - `unknown`: anything else; never touched
 */
export type KeyKind = 'django' | 'otherVersion' | 'query' | 'cacheops' | 'broker' | 'unknown';

const queryKey = /^(q|as):[0-9a-f]{32}$/;
const cacheopsKey = /^(q|as|conj|schemes):/;
const brokerKey = /^(_kombu\.|unacked|celery-task-meta-|celery-taskset-meta-|celery$)/;
/** Characters of a key that a message shows. */
const longestName = 120;
/** Kombu's name for the queue of a priority: `default`, this, a digit. */
export const prioritySeparator = '\x06\x16';

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
  if (queryKey.test(key)) return 'query';
  if (cacheopsKey.test(key)) return 'cacheops';
  return brokerKey.test(key) || key.includes(prioritySeparator) ? 'broker' : 'unknown';
}

/** The prefix that a key would have as an entry of another Django cache, `staging` of `staging:1:name`. */
export function otherPrefixOf(key: string): string | undefined {
  return /^([^:]{0,100}):1:/.exec(key)?.[1];
}

/**
 * A key for people. Session keys are as good as a password: of a key that names one, the beginning has to do.
 * @param key as latin1
 */
export function nameOfKey(key: string): string {
  return printableKey(key)
    .replace(/(sessions?\W.{0,40}?)[0-9a-z]{20,}.*/i, '$1…')
    .slice(0, longestName);
}

/** @param key as latin1 */
export function printableKey(key: string): string {
  return Buffer.from(key, 'latin1').toString('utf8').slice(0, longestName);
}
