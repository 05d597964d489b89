import { Redis } from 'ioredis';
import type { RedisServer } from '../local/servers/redis.ts';

/** Keys as Nautobot 3.1's Django cache writes them into DB 1. */
const cached = [
  ':1:constance.BANNER_TOP',
  ':1:nautobot.extras.models.customfields.CustomField.get_for_model.dcim.device',
  ':1:nautobot.users.token.count',
];
/** Celery's queue in DB 0: losing it would lose jobs. */
const queue = 'default';

export interface CacheContent {
  /** Keys of Nautobot's cache, in DB 1. */
  readonly cacheKeys: number;
  /** Keys in DB 1 that aren't Nautobot's. */
  readonly otherKeys: number;
  /** Tasks that wait in Celery's queue, in DB 0. */
  readonly queuedTasks: number;
}

/** Fills staging's Redis with answers of the old database and a task that waits for a worker. */
export async function fillCache(server: RedisServer): Promise<void> {
  const cache = new Redis(server.url(1));
  const broker = new Redis(server.url(0));
  for (const key of cached) await cache.set(key, 'an answer of the old database');
  await cache.set('a key of another program', 'not ours');
  await broker.lpush(queue, JSON.stringify({ headers: { task: 'nautobot.extras.jobs.run_job' } }));
  cache.disconnect();
  broker.disconnect();
}

export async function readCache(server: RedisServer): Promise<CacheContent> {
  const cache = new Redis(server.url(1));
  const broker = new Redis(server.url(0));
  const cacheKeys = (await cache.keys(':1:*')).length;
  const otherKeys = (await cache.dbsize()) - cacheKeys;
  const queuedTasks = await broker.llen(queue);
  cache.disconnect();
  broker.disconnect();
  return { cacheKeys, otherKeys, queuedTasks };
}
