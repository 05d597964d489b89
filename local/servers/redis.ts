import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './find-program.ts';
import { isListening, onFreePort, type SupervisedServer, startSupervised } from './supervised.ts';

export interface RedisServer extends SupervisedServer {
  readonly host: string;
  readonly port: number;
  /** `redis://127.0.0.1:port/database`; 0 by default. */
  url(database?: number): string;
}

/**
 * Starts the Redis or Valkey server that is on the PATH, on a free port of the loopback address.
 * @param settings of redis.conf, for example `{ requirepass: 'x', 'cluster-enabled': 'yes' }`
 * @returns undefined where neither is installed
 */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServer | undefined> {
  const file = await findProgram('redis-server', 'valkey-server');
  if (file === undefined) return undefined;
  const host = '127.0.0.1';
  return onFreePort(async (port) => {
    const directory = join(tmpdir(), `replicator-redis-${randomBytes(6).toString('hex')}`);
    const options = { port, bind: host, save: '', appendonly: 'no', dir: directory, ...settings };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const server = await startSupervised({ directory, serve: { file, args }, stopSignals: ['SIGTERM'] }, () =>
      isListening(port),
    );
    return { ...server, host, port, url: (database = 0) => `redis://${host}:${port}/${database}` };
  });
}
