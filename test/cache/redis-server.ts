import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
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

/** Starts a server on a free loopback port, without files; `more` are further arguments. */
export async function startRedis(more: readonly string[] = [], password?: string): Promise<RunningRedis> {
  if (redisProgram === undefined) throw new Error('there is no Redis on this machine');
  const folder = mkdtempSync(join(tmpdir(), 'redis-'));
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...more];
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

/** Two primaries that share the slots. */
export async function startCluster(): Promise<{ first: RunningRedis; second: RunningRedis }> {
  const more = ['--cluster-enabled', 'yes'];
  const [first, second] = await Promise.all([startRedis(more), startRedis(more)]);
  const slots = Array.from({ length: 16_384 }, (_, slot) => slot);
  await first.client().cluster('ADDSLOTS', ...slots.slice(0, 8192));
  await second.client().cluster('ADDSLOTS', ...slots.slice(8192));
  for (const server of [first, second]) {
    while (!String(await server.client().cluster('INFO')).includes('cluster_state:ok')) {
      // Again, because a handshake on a busy machine can time out, which nobody is told of.
      await first.client().cluster('MEET', '127.0.0.1', second.port);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  return { first, second };
}
