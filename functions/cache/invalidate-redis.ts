import type { ServerMark } from '../run/cache-mark.ts';
import type { Progress } from '../run/progress.ts';
import { type CacheAddress, describeCache, isLoopback, parseCacheUrl } from './address.ts';
import { marksOf } from './broker/same-broker.ts';
import { BadCacheUrl, InvalidationFailed } from './errors.ts';
import { type Census, findKeys, makeRemover, type Remover, sweepCacheops, sweepEntries } from './keys.ts';
import { nameOfKey } from './layout.ts';
import { mustAllow } from './permissions.ts';
import { type CacheServers, mustServe, openServers } from './servers.ts';

export interface InvalidateOptions {
  /** Django's KEY_PREFIX; empty by default. */
  readonly keyPrefix?: string;
  /** Databases to look at; by default the URL's, or 0 and 1, where Nautobot 1.6 and 3 keep their caches. */
  readonly databases?: readonly number[];
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

export interface InvalidatedDatabase {
  readonly db: number;
  readonly deleted: number;
  /** Keys that should be gone and are there: a running application has filled them again. */
  readonly remaining: number;
  /** The first ten of them. */
  readonly reappeared: readonly string[];
  /** What was found there; a Nautobot 1.6 has a query cache, later ones have none. */
  readonly django: number;
  readonly queryCache: number;
  /** Holds a Celery queue or its traces; there, only what is an entry of a cache by its name alone is deleted. */
  readonly broker: boolean;
  /** Keys of the Django cache with another version than 1, which are left. */
  readonly otherVersions: number;
  /** Prefixes of keys that look like those of another Django cache (the first five). */
  readonly otherPrefixes: readonly string[];
}

export interface Invalidated {
  readonly databases: readonly InvalidatedDatabase[];
  readonly deleted: number;
  readonly remaining: number;
  /** By which they are known again. */
  readonly servers: readonly ServerMark[];
}

/** Keys named of those that came back. */
const mostNamed = 10;

/** Nautobot 1.6 has its Django cache in database 0 and cacheops in 1; later ones have the Django cache in 1. */
const usualDatabases = [0, 1];

/**
 * Deletes Nautobot's cache entries and nothing else, never a whole database; then looks again, deletes once more what
 * has come back, and counts what remains. May be called again.
 * @throws BadCacheUrl; InvalidationFailed with the reason as its cause; the signal's reason
 */
export async function invalidateRedis(url: string, options: InvalidateOptions): Promise<Invalidated> {
  const address = parseCacheUrl(url);
  try {
    const servers = await openServers(address, options.signal);
    try {
      return await invalidateServers(servers, address, options);
    } finally {
      servers.close();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof BadCacheUrl) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidationFailed(
      `the cache was not invalidated, Nautobot may serve stale answers until it is cleared: ${reason}`,
      { cause: error },
    );
  }
}

/**
 * Connects, logs in, asks for the databases and tries every command that will be needed on a key that isn't there, so
 * that a wrong URL, a replica or a missing permission is found before hours of work.
 * @throws BadCacheUrl, CacheUnreachable, CacheAccessDenied, the signal's reason
 */
export async function checkCache(url: string, options: Partial<InvalidateOptions> = {}): Promise<void> {
  const address = parseCacheUrl(url);
  const signal = options.signal ?? new AbortController().signal;
  const servers = await openServers(address, signal);
  try {
    const chosen = chosenDatabases(address, options);
    await mustServe(servers, address, chosen ?? []);
    for (const db of chosen ?? usualDatabases)
      if (await servers.select(db)) await mustAllow(servers, options.keyPrefix ?? '');
  } finally {
    servers.close();
  }
  if (address.tls === false && address.password !== undefined && !isLoopback(address.host)) {
    options.progress?.warn(
      `the password of the cache at ${describeCache(address)} travels unencrypted: rediss:// would protect it`,
    );
  }
}

function chosenDatabases(
  address: CacheAddress,
  options: Partial<InvalidateOptions>,
): readonly number[] | undefined {
  if (options.databases !== undefined && options.databases.length > 0) return options.databases;
  return address.database === undefined ? undefined : [address.database];
}

async function invalidateServers(
  servers: CacheServers,
  address: CacheAddress,
  options: InvalidateOptions,
): Promise<Invalidated> {
  const chosen = chosenDatabases(address, options);
  await mustServe(servers, address, chosen ?? []);
  const databases: InvalidatedDatabase[] = [];
  for (const db of new Set(chosen ?? usualDatabases)) {
    if (await servers.select(db)) databases.push(await invalidateDatabase(servers, db, options));
  }
  for (const database of databases) report(database, address, options);
  const sum = (pick: (database: InvalidatedDatabase) => number) =>
    databases.reduce((total, database) => total + pick(database), 0);
  return {
    databases,
    deleted: sum(({ deleted }) => deleted),
    remaining: sum(({ remaining }) => remaining),
    servers: await marksOf(servers, address),
  };
}

async function invalidateDatabase(
  servers: CacheServers,
  db: number,
  options: InvalidateOptions,
): Promise<InvalidatedDatabase> {
  const keyPrefix = options.keyPrefix ?? '';
  const remove = makeRemover();
  const first = await sweep(servers, keyPrefix, remove, true);
  const kinds = new Set(['django', 'query', ...(first.census.broker ? [] : ['cacheops'])]);
  let deleted = first.deleted;
  let left = await findAll(servers, keyPrefix, kinds);
  if (left.length > 0) {
    deleted += (await sweep(servers, keyPrefix, remove, !first.census.broker)).deleted;
    left = await findAll(servers, keyPrefix, kinds);
  }
  const { broker, otherVersions, otherPrefixes, django, cacheops } = first.census;
  return {
    db,
    deleted,
    remaining: left.length,
    reappeared: left.slice(0, mostNamed).map(nameOfKey),
    django,
    queryCache: cacheops,
    broker,
    otherVersions,
    otherPrefixes: [...otherPrefixes],
  };
}

/** Whether a database is a broker's is known when all of it was seen: only then may the query cache go. */
async function sweep(
  servers: CacheServers,
  keyPrefix: string,
  remove: Remover,
  queryCacheToo: boolean,
): Promise<{ deleted: number; census: Census }> {
  const census: Census = {
    django: 0,
    cacheops: 0,
    otherVersions: 0,
    broker: false,
    otherPrefixes: new Set(),
  };
  let deleted = 0;
  for (const node of servers.nodes) deleted += await sweepEntries(node, keyPrefix, remove, census);
  if (queryCacheToo && census.cacheops > 0 && !census.broker) {
    for (const node of servers.nodes) deleted += await sweepCacheops(node, keyPrefix, remove);
  }
  return { deleted, census };
}

async function findAll(
  servers: CacheServers,
  keyPrefix: string,
  kinds: ReadonlySet<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const node of servers.nodes) found.push(...(await findKeys(node, keyPrefix, kinds)));
  return found;
}

function report(database: InvalidatedDatabase, address: CacheAddress, options: InvalidateOptions): void {
  const where = `database ${database.db} of the cache at ${describeCache({ ...address, database: database.db })}`;
  if (database.remaining > 0) {
    options.progress.warn(
      `${where} has ${database.remaining} cache keys again (${database.reappeared.slice(0, 3).join(', ')}${database.remaining > 3 ? ' …' : ''}): stop Nautobot during a restore, or clear the cache once more`,
    );
  }
  if (database.otherVersions > 0) {
    options.progress.warn(
      `${where} has ${database.otherVersions} cache keys of another version than 1: left`,
    );
  }
  if (database.otherPrefixes.length > 0) {
    const prefixes = database.otherPrefixes.map((prefix) => JSON.stringify(prefix)).join(', ');
    options.progress.warn(
      `${where} has cache keys with other key prefixes (${prefixes}): left; is one of them this Nautobot's?`,
    );
  }
}
