import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseCacheUrl } from '../../functions/cache/address.ts';
import { drainBroker, lookAtBroker } from '../../functions/cache/broker/drain-broker.ts';
import { marksOf } from '../../functions/cache/broker/same-broker.ts';
import { waitingIn } from '../../functions/cache/broker/words.ts';
import { BadCacheUrl, BrokerIsSource, CacheAccessDenied } from '../../functions/cache/errors.ts';
import { openServers } from '../../functions/cache/servers.ts';
import { fillBroker, notQueued, runJob, taskMessage, webhook } from './celery-messages.ts';
import { type RunningRedis, redisProgram, startRedis } from './redis-server.ts';

const { signal } = new AbortController();

if (redisProgram === undefined) {
  it('of a broker is left out: neither redis-server nor valkey-server is on the PATH', ({ skip }) => skip());
}

describe.runIf(redisProgram !== undefined)('draining a broker', () => {
  let redis: RunningRedis;
  let production: RunningRedis;
  beforeAll(async () => {
    [redis, production] = await Promise.all([startRedis(), startRedis()]);
  });
  afterEach(() => Promise.all([redis.client().flushall(), production.client().flushall()]));
  afterAll(() => Promise.all([redis.stop(), production.stop()]));
  const keysOf = async (server: RunningRedis, db = 0) => (await server.client(db).keys('*')).sort();

  it('names what waits: by queue and task, with what is for later, and never with its arguments', async () => {
    await fillBroker(redis.client());
    const before = await keysOf(redis);
    const content = await lookAtBroker({ url: redis.url }, { signal });
    expect(content).toEqual({
      broker: `127.0.0.1:${redis.port}/0`,
      tasks: 6,
      queues: [
        {
          queue: 'default',
          tasks: 4,
          scheduled: 0,
          names: [
            { task: runJob, count: 3 },
            { task: webhook, count: 1 },
          ],
        },
        { queue: 'bulk', tasks: 1, scheduled: 1, names: [{ task: 'plugin.tasks.sync', count: 1 }] },
        { queue: 'unacked', tasks: 1, scheduled: 1, names: [{ task: runJob, count: 1 }] },
      ],
      otherPrefixes: [],
    });
    expect(waitingIn(content)).toBe(
      `6 tasks wait in 127.0.0.1:${redis.port}/0: default: 3 × ${runJob}, 1 × ${webhook}; bulk: 1 × plugin.tasks.sync, 1 for later; unacked: 1 × ${runJob}, 1 for later`,
    );
    expect(JSON.stringify(content)).not.toContain('hush');
    expect(await keysOf(redis)).toEqual(before);
  });

  it('removes every task, and leaves results, bindings, the cache and what other programs keep', async () => {
    await fillBroker(redis.client());
    const drained = await drainBroker({ url: redis.url }, { signal });
    expect(drained).toMatchObject({ tasks: 6, remaining: 0 });
    expect(await keysOf(redis)).toEqual(notQueued);
    expect(await drainBroker({ url: redis.url }, { signal })).toMatchObject({ tasks: 0, queues: [] });
  });

  it('leaves queues that another application keeps under a prefix of its own, and says so', async () => {
    await fillBroker(redis.client());
    await redis.client().sadd('other_kombu.binding.default', 'default\x06\x16\x06\x16default');
    await redis.client().lpush('otherdefault', taskMessage('other.task'));
    const drained = await drainBroker({ url: redis.url }, { signal });
    expect(drained).toMatchObject({ tasks: 6, otherPrefixes: ['other'] });
    expect(await redis.client().llen('otherdefault')).toBe(1);
  });

  it('knows a queue by its binding, though what is in it is no task', async () => {
    await redis.client().sadd('_kombu.binding.odd', 'odd\x06\x16\x06\x16odd');
    await redis.client().lpush('odd', 'garbage');
    expect(await drainBroker({ url: redis.url }, { signal })).toMatchObject({
      queues: [{ queue: 'odd', names: [{ task: '(no task)', count: 1 }] }],
    });
  });

  it('works in the database of its URL alone; beside a cache it is 0, which is where Nautobot has it', async () => {
    await fillBroker(redis.client(3));
    expect(await drainBroker({ url: `${redis.url}/1`, fromCache: true }, { signal })).toMatchObject({
      tasks: 0,
    });
    const unclear = drainBroker({ url: `${redis.url}/3`, fromCache: true }, { signal });
    await expect(unclear).rejects.toThrow(BadCacheUrl);
    await expect(unclear).rejects.toThrow(/--broker/);
    expect(await drainBroker({ url: `${redis.url}/3` }, { signal })).toMatchObject({ tasks: 6 });
  });

  it('counts a long queue whole, and names the first tasks of it', async () => {
    const some = Array.from({ length: 6000 }, () => taskMessage(runJob));
    await redis.client().lpush('default', ...some);
    const { queues } = await lookAtBroker({ url: redis.url }, { signal });
    expect(queues).toEqual([
      { queue: 'default', tasks: 6000, scheduled: 0, names: [{ task: runJob, count: 5000 }] },
    ]);
  });

  it("refuses the source's, by whatever name it is reached, and touches neither", async () => {
    await fillBroker(production.client());
    const before = await keysOf(production);
    for (const sourceUrl of [production.url, `redis://localhost:${production.port}/0`]) {
      const attempt = drainBroker({ url: production.url, sourceUrl }, { signal });
      await expect(attempt).rejects.toThrow(BrokerIsSource);
      await expect(attempt).rejects.toMatchObject({ exitCode: 3 });
    }
    expect(await keysOf(production)).toEqual(before);
  });

  it("refuses the primary of which the source's is a replica, also where nobody may ask who it is", async () => {
    await redis.client().config('SET', 'repl-diskless-sync-delay', '0');
    const replica = await startRedis(['--replicaof', `127.0.0.1 ${redis.port}`]);
    await redis.client().acl('SETUSER', 'blind', 'reset', 'on', '>s', '~*', '+@all', '-info', '-role');
    await expect
      .poll(() => replica.client().info('replication'), { timeout: 15_000 })
      .toContain('master_link_status:up');
    const url = `redis://blind:s@127.0.0.1:${redis.port}`;
    await expect(drainBroker({ url, sourceUrl: replica.url }, { signal })).rejects.toThrow(BrokerIsSource);
    await replica.stop();
  });

  it("goes on where the source's is another database, or another server", async () => {
    for (const sourceUrl of [`${redis.url}/5`, production.url]) {
      await Promise.all([redis.client().flushall(), production.client().flushall()]);
      await fillBroker(redis.client());
      await fillBroker(redis.client(5));
      await fillBroker(production.client());
      expect(await drainBroker({ url: redis.url, sourceUrl }, { signal })).toMatchObject({ tasks: 6 });
      expect(await redis.client(5).llen('default')).toBe(3);
      expect(await production.client().llen('default')).toBe(3);
    }
  });

  it("refuses a server that is known to hold the source's cache, until both brokers are named", async () => {
    await fillBroker(redis.client());
    const servers = await openServers(parseCacheUrl(redis.url), signal);
    const sources = await marksOf(servers, parseCacheUrl(`redis://elsewhere:${redis.port}`));
    servers.close();
    const attempt = drainBroker({ url: redis.url }, { signal, sources });
    await expect(attempt).rejects.toThrow(BrokerIsSource);
    await expect(attempt).rejects.toThrow(/--source-broker/);
    const told = { url: redis.url, sourceUrl: `${redis.url}/5` };
    expect(await drainBroker(told, { signal, sources })).toMatchObject({ tasks: 6 });
  });

  it('fails while it only looks when it may not remove', async () => {
    await redis.client().acl('SETUSER', 'reader', 'reset', 'on', '>s', '~*', '+@all', '-del', '-unlink');
    const attempt = lookAtBroker({ url: `redis://reader:s@127.0.0.1:${redis.port}` }, { signal });
    await expect(attempt).rejects.toThrow(CacheAccessDenied);
  });
});
