import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerMark } from '../../run/cache-mark.ts';
import type { CacheAddress } from '../address.ts';
import type { CacheNode } from '../node.ts';
import type { CacheServers } from '../servers.ts';

const looks = 10;
const pauseMs = 100;

export async function marksOf(servers: CacheServers, address: CacheAddress): Promise<ServerMark[]> {
  const { host, port } = address;
  return Promise.all(servers.nodes.map(async (node) => ({ host, port, runId: await runIdOf(node) })));
}

/** Is one of these servers one of those? */
export function meet(some: readonly ServerMark[], others: readonly ServerMark[]): boolean {
  return some.some((a) =>
    others.some((b) =>
      a.runId !== null && b.runId !== null ? a.runId === b.runId : a.host === b.host && a.port === b.port,
    ),
  );
}

/**
 * Does what is written in one selected database show in the other? The same database by whatever name, or a replica
 * of it. Writes a key that expires at once; where that isn't allowed the answer is no.
 */
export async function showsIn(written: CacheServers, read: CacheServers): Promise<boolean> {
  const key = `replicator-probe-${randomBytes(8).toString('hex')}`;
  const seen = async () => {
    for (const node of read.nodes) if (Number(await node.call('EXISTS', key).catch(() => 0)) > 0) return true;
    return false;
  };
  for (const node of written.nodes) {
    const set = await node.call('SET', key, '1', 'EX', 5).catch(() => undefined);
    if (set === undefined) continue;
    // A replica is a little behind
    for (let look = 0; look < looks; look++) {
      if (await seen()) return true;
      await sleep(pauseMs);
    }
  }
  return false;
}

async function runIdOf(node: CacheNode): Promise<string | null> {
  const info = await node.call('INFO', 'server').then(String, () => '');
  return /^run_id:(\S+)/m.exec(info)?.[1] ?? null;
}
