import { type CacheAddress, describeCache } from './address.ts';
import { CacheUnreachable } from './errors.ts';
import { type CacheNode, openNode } from './node.ts';

/**
 * Asks sentinels one after another for the primary, and connects to it. One that says otherwise of itself is the old
 * one: the next sentinel may know of the change (https://redis.io/docs/latest/develop/reference/sentinel-clients/).
 * @throws CacheUnreachable, CacheAccessDenied, the signal's reason
 */
export async function openPrimary(address: CacheAddress, signal: AbortSignal): Promise<CacheNode> {
  const { sentinel, ...server } = address;
  const failures: Error[] = [];
  for (const place of sentinel?.hosts ?? []) {
    try {
      const { host, port } = await askSentinel(address, place, signal);
      const node = await openNode({ ...server, host, port }, signal);
      if (await isPrimary(node)) return node;
      node.close();
      failures.push(new Error(`${host}:${port} is a replica by now`));
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error instanceof Error ? error : new Error(String(error)));
    }
  }
  const denied = failures.find((failure) => failure.name === 'CacheAccessDenied');
  if (denied) throw denied;
  throw new CacheUnreachable(
    `no primary was found of the cache at ${describeCache(address)}: ${failures.map(({ message }) => message).join('; ')}`,
    { cause: failures[0] },
  );
}

async function askSentinel(
  address: CacheAddress,
  place: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<{ host: string; port: number }> {
  const { primary = '', username, password } = address.sentinel ?? {};
  const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  const node = await openNode({ ...place, ...login, tls: address.tls }, signal);
  try {
    const found = (await node.call('SENTINEL', 'get-master-addr-by-name', primary)) as Buffer[] | null;
    const [host, port] = found ?? [];
    if (host && port) return { host: host.toString(), port: Number(port) };
    throw new Error(`the sentinel at ${place.host}:${place.port} knows no primary "${primary}"`);
  } finally {
    node.close();
  }
}

/** By what it says of itself, where the user may ask. */
async function isPrimary(node: CacheNode): Promise<boolean> {
  try {
    const [role] = (await node.call('ROLE')) as Buffer[];
    return String(role) === 'master';
  } catch {
    return true;
  }
}
