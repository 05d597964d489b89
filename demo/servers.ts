import { type PostgresServer, startPostgres } from '../local/servers/postgres.ts';
import { type RedisServer, startRedis } from '../local/servers/redis.ts';
import { type S3Server, startS3 } from '../local/servers/s3.ts';

export interface DemoServers {
  readonly production: PostgresServer;
  readonly staging: PostgresServer;
  readonly s3: S3Server;
  /** Staging's; undefined where neither redis-server nor valkey-server is on the PATH. */
  readonly redis: RedisServer | undefined;
  /** Ends all of them and removes what they kept. */
  stop(): Promise<void>;
}

export const bucket = 'nautobot-backups';

/** Starts everything at the same time. Nothing of it outlives this process, however it ends. */
export async function startServers(): Promise<DemoServers> {
  const starts = [
    startPostgres({ superuser: 'production_admin' }),
    startPostgres({ superuser: 'staging_admin' }),
    startS3({ buckets: [bucket] }),
    startRedis(),
  ] as const;
  try {
    const [production, staging, s3, redis] = await Promise.all(starts);
    return { production, staging, s3, redis, stop: () => stopAll([production, staging, s3, redis]) };
  } catch (error) {
    const started = await Promise.allSettled(starts);
    await stopAll(started.map((start) => (start.status === 'fulfilled' ? start.value : undefined)));
    throw error;
  }
}

async function stopAll(servers: readonly ({ stop(): Promise<void> } | undefined)[]): Promise<void> {
  await Promise.all(servers.map((server) => server?.stop()));
}
