import { randomBytes } from 'node:crypto';
import { makeRemover } from './keys.ts';
import type { CacheServers } from './servers.ts';

/**
 * Tries what an invalidation does on a key of the cache that nobody has: reading, and deleting, which a replica or a
 * server without a disk refuses.
 * @throws CacheAccessDenied, CacheUnreachable
 */
export async function mustAllow(servers: CacheServers, keyPrefix: string): Promise<void> {
  const nobodys = Buffer.from(`${keyPrefix}:1:replicator-${randomBytes(8).toString('hex')}`);
  for (const node of servers.nodes) {
    await node.call('SCAN', '0', 'COUNT', 1);
    await makeRemover()(node, [nobodys]);
  }
}
