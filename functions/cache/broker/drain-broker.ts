import type { ServerMark } from '../../run/cache-mark.ts';
import type { BrokerSettings } from '../../run/surroundings.ts';
import { type CacheAddress, describeCache, parseCacheUrl } from '../address.ts';
import { BadCacheUrl, BrokerIsSource } from '../errors.ts';
import { mustAllow } from '../permissions.ts';
import { type CacheServers, mustServe, openServers } from '../servers.ts';
import { contentOf, lengthOf, type QueueContent } from './content.ts';
import { marksOf, meet, showsIn } from './same-broker.ts';

/** Nautobot's broker is in database 0, in 1.6 and since. */
const usualDatabase = 0;

export interface BrokerOptions {
  readonly signal: AbortSignal;
  /** Servers that are known to be the source's. */
  readonly sources?: readonly ServerMark[];
}

/** What waits in a broker. */
export interface BrokerContent {
  /** Without user and password. */
  readonly broker: string;
  readonly tasks: number;
  readonly queues: readonly QueueContent[];
  /** Prefixes of other applications' queues, which are left. */
  readonly otherPrefixes: readonly string[];
}

export interface DrainedBroker extends BrokerContent {
  /** Tasks that came while it was drained, and are there: something still sends them. */
  readonly remaining: number;
}

/**
 * Names what waits in the target's broker, before anything is done to it.
 * @throws BrokerIsSource, BadCacheUrl, CacheUnreachable, CacheAccessDenied, the signal's reason
 */
export async function lookAtBroker(settings: BrokerSettings, options: BrokerOptions): Promise<BrokerContent> {
  return withBroker(settings, options, async (servers, broker) => {
    const { queues, otherPrefixes } = await contentOf(servers);
    return { broker, tasks: sum(queues), queues: queues.map(plain), otherPrefixes };
  });
}

/**
 * Removes all tasks that wait in the target's broker, those for later and those that a worker has taken included.
 * Results, bindings of queues and all else stay. May be called again.
 * @throws BrokerIsSource, BadCacheUrl, CacheUnreachable, CacheAccessDenied, the signal's reason
 */
export async function drainBroker(settings: BrokerSettings, options: BrokerOptions): Promise<DrainedBroker> {
  return withBroker(settings, options, async (servers, broker) => {
    const { queues, otherPrefixes } = await contentOf(servers);
    const removed: QueueContent[] = [];
    for (const { node, keys, ...content } of queues) {
      options.signal.throwIfAborted();
      let tasks = 0;
      for (const key of keys) {
        tasks += await lengthOf(node, key);
        await node.call('DEL', key.key);
      }
      removed.push({ ...content, tasks });
    }
    const again = await contentOf(servers);
    return { broker, tasks: sum(removed), queues: removed, otherPrefixes, remaining: sum(again.queues) };
  });
}

async function withBroker<Result>(
  settings: BrokerSettings,
  options: BrokerOptions,
  work: (servers: CacheServers, broker: string) => Promise<Result>,
): Promise<Result> {
  const address = brokerAddress(settings.url, settings.fromCache);
  const servers = await openServers(address, options.signal);
  try {
    await mustServe(servers, address, [address.database]);
    await refuseSource(servers, address, settings, options);
    await servers.select(address.database);
    await mustAllow(servers, '');
    return await work(servers, describeCache(address));
  } finally {
    servers.close();
  }
}

async function refuseSource(
  servers: CacheServers,
  address: CacheAddress & { readonly database: number },
  { sourceUrl }: BrokerSettings,
  { sources = [], signal }: BrokerOptions,
): Promise<void> {
  const marks = await marksOf(servers, address);
  const broker = describeCache(address);
  if (sourceUrl === undefined) {
    if (meet(marks, sources))
      throw new BrokerIsSource(
        `the broker at ${broker} is on the server of the source's cache: name the source's own broker with --source-broker, so that the two can be told apart`,
      );
    return;
  }
  const theirs = brokerAddress(sourceUrl);
  const source = await openServers(theirs, signal);
  try {
    await source.select(theirs.database);
    const same = meet(marks, await marksOf(source, theirs)) && theirs.database === address.database;
    if (same || (await showsIn(servers, source)))
      throw new BrokerIsSource(
        `the broker at ${broker} is the source's (${describeCache(theirs)}): its tasks are never removed; check --broker`,
      );
  } finally {
    source.close();
  }
}

function brokerAddress(url: string, fromCache = false): CacheAddress & { readonly database: number } {
  const address = parseCacheUrl(url);
  const { database = usualDatabase } = address;
  if (!fromCache) return { ...address, database };
  if (database > 1)
    throw new BadCacheUrl(
      `which database holds the broker can't be told from a cache in database ${database}: name it with --broker`,
    );
  return { ...address, database: usualDatabase };
}

function plain({ queue, tasks, scheduled, names }: QueueContent): QueueContent {
  return { queue, tasks, scheduled, names };
}

function sum(queues: readonly { readonly tasks: number }[]): number {
  return queues.reduce((total, { tasks }) => total + tasks, 0);
}
