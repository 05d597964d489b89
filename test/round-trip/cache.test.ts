import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { findProgram } from '../../local/servers/find-program.ts';
import { startRedis } from '../../local/servers/redis.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { verbs } from './replicator.ts';

const here = findProgram('redis-server') ?? findProgram('valkey-server');
const leftOut =
  here === undefined ? ' (left out: neither redis-server nor valkey-server is on the PATH)' : '';

test.runIf(here)(
  `a stale key is gone after a restore, and a task in Celery's queue is not${leftOut}`,
  async () => {
    const server = await startRedis();
    const source = await freshDatabase();
    const target = await freshDatabase();
    const session = await superuserSession(source.name);
    await session.execute('CREATE TABLE t (a int); INSERT INTO t VALUES (1)');
    await session.end();
    const cache = new Redis(String(server?.url(1)));
    const broker = new Redis(String(server?.url(0)));
    await cache.set(':1:banner', 'stale');
    await broker.lpush('default', 'a task');
    await broker.sadd('_kombu.binding.default', 'x');
    try {
      const store = (await freshBucket()).uri();
      await verbs().backup({ source: source.url, store });
      expect(await cache.get(':1:banner')).toBe('stale');
      const restored = await verbs().restore({
        store,
        target: target.url,
        invalidateCache: `redis://127.0.0.1:${server?.port}`,
      });
      expect(restored).toMatchObject({ cache: { deleted: 1, remaining: 0 } });
      expect(await cache.keys('*')).toEqual([]);
      expect(await broker.llen('default')).toBe(1);
      expect((await broker.keys('*')).sort()).toEqual(['_kombu.binding.default', 'default']);
    } finally {
      cache.disconnect();
      broker.disconnect();
      await server?.stop();
      await source.drop();
      await target.drop();
    }
  },
);
