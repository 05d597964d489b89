import { isIP } from 'node:net';
import { type CacheAddress, describeCache, isLoopback } from './address.ts';
import { BadCacheUrl, CacheAccessDenied, CacheUnreachable } from './errors.ts';
import { type CacheNode, openNode } from './node.ts';
import { openPrimary } from './sentinel.ts';

/** The servers behind a cache URL: one, the primary that sentinels name, or all primaries of a cluster. */
export interface CacheServers {
  readonly nodes: readonly CacheNode[];
  readonly cluster: boolean;
  /** Makes all later commands work on that database. @returns false when the servers have no such database */
  select(database: number): Promise<boolean>;
  close(): void;
}

/** @throws CacheUnreachable, CacheAccessDenied, the signal's reason */
export async function openServers(address: CacheAddress, signal: AbortSignal): Promise<CacheServers> {
  const first = await (address.sentinel ? openPrimary : openNode)(address, signal);
  const opened = [first];
  const close = () => {
    for (const node of opened) node.close();
  };
  try {
    const cluster = /^cluster_enabled:1/m.test(await info(first, 'cluster'));
    if (!cluster) return { nodes: [first], cluster, select: (database) => select(first, database), close };
    const primaries: CacheNode[] = [];
    for (const place of await primariesOf(first, address)) {
      const node = await openNode({ ...address, ...place }, signal, nameForTls(place.host, address));
      opened.push(node);
      primaries.push(node);
    }
    const selectAll = async (database: number) => {
      const selected = await Promise.all(primaries.map((node) => select(node, database)));
      return selected.every(Boolean);
    };
    return { nodes: primaries, cluster, select: selectAll, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Finds out before a run whether its end will be able to invalidate the cache.
 * @param databases that will be asked for; a server that has none of that number is a BadCacheUrl
 * @throws CacheUnreachable, CacheAccessDenied, BadCacheUrl
 */
export async function mustServe(
  servers: CacheServers,
  address: CacheAddress,
  databases: readonly number[],
): Promise<void> {
  for (const database of databases) {
    if (await servers.select(database)) continue;
    throw new BadCacheUrl(`the cache at ${describeCache(address)} has no database ${database}`);
  }
  for (const node of servers.nodes) {
    if (/^role:slave/m.test(await info(node, 'replication'))) {
      throw new CacheAccessDenied(`the cache at ${describeCache(address)} is a replica: name its primary`);
    }
  }
}

/** Empty where the user may not ask. */
async function info(node: CacheNode, section: string): Promise<string> {
  try {
    return String(await node.call('INFO', section));
  } catch (error) {
    if (error instanceof CacheUnreachable) throw error;
    if (error instanceof CacheAccessDenied || isServerReply(error)) return '';
    throw error;
  }
}

async function select(node: CacheNode, database: number): Promise<boolean> {
  try {
    await node.call('SELECT', database);
    return true;
  } catch (error) {
    // `DB index is out of range`, `SELECT is not allowed in cluster mode`
    if (!isServerReply(error)) throw error;
    return database === 0;
  }
}

function isServerReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/** https://redis.io/docs/latest/commands/cluster-slots/: [first, last, [host, port, id, …], replicas…] */
async function primariesOf(
  node: CacheNode,
  address: CacheAddress,
): Promise<{ host: string; port: number }[]> {
  const slots = (await node.call('CLUSTER', 'SLOTS')) as [number, number, [Buffer | null, number]][];
  const places = new Map<string, { host: string; port: number }>();
  for (const [, , [name, port]] of slots) {
    // No name, or `?`, means: the one you have reached me by.
    const said = name === null ? '' : name.toString();
    const host = said === '' || said === '?' ? address.host : said;
    places.set(`${host} ${port}`, { host, port });
  }
  if (places.size > 0) return [...places.values()];
  throw new CacheUnreachable(`the cluster at ${describeCache(address)} serves no slots: is it set up?`);
}

/** Nodes that call themselves by number are verified by the name that the URL has. */
function nameForTls(host: string, address: CacheAddress): string | undefined {
  if (address.tls === false || isIP(host) === 0 || isIP(address.host) !== 0) return undefined;
  return isLoopback(address.host) ? undefined : address.host;
}
