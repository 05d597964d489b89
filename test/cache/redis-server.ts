import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** The Redis (or Valkey) of this machine; undefined where there is none. */
export const redisProgram = ['redis-server', 'valkey-server'].find(
  (program) => spawnSync(program, ['--version']).status === 0,
);

export interface RunningRedis {
  readonly port: number;
  readonly url: string;
  /** Connected to a database, for filling it and looking at it; closed with the server. */
  client(db?: number): Redis;
  stop(): Promise<void>;
}

/** Starts a server on a free loopback port; `more` are further arguments, `file` a configuration. */
export async function startRedis(
  more: readonly string[] = [],
  password?: string,
  file?: string,
): Promise<RunningRedis> {
  if (redisProgram === undefined) throw new Error('there is no Redis on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const port = await freePort();
  const args = [
    ...(file ? [file] : []),
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--dir',
    folder,
    ...more,
  ];
  if (password !== undefined) args.push('--requirepass', password);
  const child = spawn(redisProgram, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const clients: Redis[] = [];
  const client = (db = 0) => {
    const options = { host: '127.0.0.1', port, db, ...(password !== undefined && { password }) };
    const made = new Redis({ ...options, protocol: 2 });
    made.on('error', () => {});
    clients.push(made);
    return made;
  };
  await client().ping();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client,
    stop: async () => {
      for (const made of clients) made.disconnect();
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A port that is free, as is the one 10,000 higher, by which a cluster's servers talk to each other. Both are below
 * those that connections of other tests get from the system (32,768 and up on Linux).
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_240 + Math.floor(Math.random() * 12_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Primaries that share the slots. */
export async function startCluster(size: number): Promise<RunningRedis[]> {
  const servers = await Promise.all(
    Array.from({ length: size }, () => startRedis(['--cluster-enabled', 'yes'])),
  );
  for (const [index, server] of servers.entries()) {
    const from = Math.floor((index * 16_384) / size);
    const to = Math.floor(((index + 1) * 16_384) / size);
    const slots = Array.from({ length: to - from }, (_, slot) => from + slot);
    await server.client().cluster('ADDSLOTS', ...slots);
  }
  const [first] = servers;
  for (const server of servers) {
    while (!String(await server.client().cluster('INFO')).includes('cluster_state:ok')) {
      // Again, because a handshake on a busy machine can time out, which nobody is told of.
      for (const { port } of servers) await first?.client().cluster('MEET', '127.0.0.1', port);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  return servers;
}

/** A sentinel that watches a primary as `mymaster`. */
export async function startSentinel(
  primaryPort: number,
  { authPass, requirePass }: { authPass: string; requirePass: string },
): Promise<RunningRedis> {
  const settings = [
    `sentinel monitor mymaster 127.0.0.1 ${primaryPort} 1`,
    `sentinel auth-pass mymaster ${authPass}`,
    'sentinel down-after-milliseconds mymaster 1000',
    'sentinel failover-timeout mymaster 3000',
    '',
  ];
  // A sentinel writes what it learns into its own configuration
  const folder = mkdtempSync(join(tmpdir(), 'sentinel-'));
  const file = join(folder, 'sentinel.conf');
  writeFileSync(file, settings.join('\n'));
  const server = await startRedis(['--sentinel'], requirePass, file);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
