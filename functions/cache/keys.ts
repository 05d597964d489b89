import { kindOfKey, otherPrefixOf } from './layout.ts';
import { type CacheNode, isDenied, type Outcome } from './node.ts';

/** Keys asked for in one SCAN, and deleted in one round trip. */
const pageKeys = 1000;
/** A queue without tasks is no key at all; among so many unknown keys one of a queue is found, if there is one. */
const mostTypeChecks = 5000;

/** All keys of the selected database, page by page; some may come twice. Changes meanwhile may be missed. */
export async function* pagesOfKeys(node: CacheNode): AsyncGenerator<Buffer[]> {
  let cursor = '0';
  do {
    const [next, keys] = (await node.call('SCAN', cursor, 'COUNT', pageKeys)) as [Buffer, Buffer[]];
    cursor = next.toString();
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}

/** What was seen in one database, of all servers of a cluster together. */
export interface Census {
  /** Entries of the Django cache and of the query cache that were deleted. */
  django: number;
  cacheops: number;
  otherVersions: number;
  broker: boolean;
  readonly otherPrefixes: Set<string>;
}

/**
 * Looks through a database and deletes on the way what is an entry of a cache by its name alone. @returns keys deleted
 */
export async function sweepEntries(
  node: CacheNode,
  keyPrefix: string,
  remove: Remover,
  census: Census,
): Promise<number> {
  let deleted = 0;
  let checked = 0;
  for await (const page of pagesOfKeys(node)) {
    const doomed: Buffer[] = [];
    const unknown: Buffer[] = [];
    for (const key of page) {
      const text = key.toString('latin1');
      const kind = kindOfKey(text, keyPrefix);
      if (kind === 'django' || kind === 'query') doomed.push(key);
      if (kind === 'django') census.django += 1;
      if (kind === 'otherVersion') census.otherVersions += 1;
      if (kind === 'query' || kind === 'cacheops') census.cacheops += 1;
      if (kind === 'broker') census.broker = true;
      if (kind !== 'unknown') continue;
      unknown.push(key);
      const prefix = otherPrefixOf(text);
      if (prefix !== undefined && census.otherPrefixes.size < 5) census.otherPrefixes.add(prefix);
    }
    deleted += await remove(node, doomed);
    if (census.broker || checked >= mostTypeChecks) continue;
    checked += unknown.length;
    census.broker = await holdsList(node, unknown);
  }
  return deleted;
}

/** Deletes what else belongs to the query cache. @returns keys deleted */
export async function sweepCacheops(node: CacheNode, keyPrefix: string, remove: Remover): Promise<number> {
  let deleted = 0;
  for await (const page of pagesOfKeys(node)) {
    const doomed = page.filter((key) => kindOfKey(key.toString('latin1'), keyPrefix) === 'cacheops');
    deleted += await remove(node, doomed);
  }
  return deleted;
}

/** The keys of these kinds that there are now, as latin1. */
export async function findKeys(
  node: CacheNode,
  keyPrefix: string,
  kinds: ReadonlySet<string>,
): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const page of pagesOfKeys(node)) {
    for (const key of page) {
      const text = key.toString('latin1');
      if (kinds.has(kindOfKey(text, keyPrefix))) found.add(text);
    }
  }
  return found;
}

/** Celery keeps a queue in a list; neither Django's cache nor cacheops makes one. */
async function holdsList(node: CacheNode, keys: readonly Buffer[]): Promise<boolean> {
  if (keys.length === 0) return false;
  const types = await node.pipeline(keys.map((key) => ['TYPE', key] as const));
  return types.some((outcome) => 'reply' in outcome && String(outcome.reply) === 'list');
}

/** Deletes keys, one command for each: in a cluster, keys of one command must share a slot. @returns keys deleted */
export type Remover = (node: CacheNode, keys: readonly Buffer[]) => Promise<number>;

/**
 * UNLINK, which frees memory in the background, or DEL where a server or an access rule doesn't know it.
 * A key that a cluster is just moving is left; it is counted as remaining.
 */
export function makeRemover(): Remover {
  let command: 'UNLINK' | 'DEL' = 'UNLINK';
  const attempt = async (node: CacheNode, keys: readonly Buffer[]): Promise<Outcome[]> =>
    node.pipeline(keys.map((key) => [command, key] as const));
  return async (node, keys) => {
    if (keys.length === 0) return 0;
    let outcomes = await attempt(node, keys);
    const unknown = outcomes.some((outcome) => 'error' in outcome && isUnlinkUnknown(outcome.error));
    if (command === 'UNLINK' && unknown) {
      command = 'DEL';
      outcomes = await attempt(node, keys);
    }
    let deleted = 0;
    for (const outcome of outcomes) {
      if ('reply' in outcome) deleted += Number(outcome.reply);
      else if (!/^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/.test(outcome.error.message))
        throw node.explain(outcome.error);
    }
    return deleted;
  };
}

function isUnlinkUnknown(error: Error): boolean {
  return /unknown command/i.test(error.message) || (isDenied(error) && /^NOPERM/.test(error.message));
}
