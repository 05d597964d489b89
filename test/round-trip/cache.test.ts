import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { findProgram } from '../../local/servers/find-program.ts';
import { startRedis } from '../../local/servers/redis.ts';
import { fillBroker, notQueued, runJob } from '../cache/celery-messages.ts';
import { cliInProcess, documentOf } from '../cli/run-cli.ts';
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

test.runIf(here)(
  `queued tasks of the target are named, asked about and removed, and the report tells of them${leftOut}`,
  async () => {
    const server = await startRedis();
    const source = await freshDatabase();
    const target = await freshDatabase();
    const broker = new Redis(String(server?.url(0)));
    const session = await superuserSession(source.name);
    await session.execute('CREATE TABLE t (a int); INSERT INTO t VALUES (1)');
    await session.end();
    await fillBroker(broker);
    try {
      const bucket = await freshBucket();
      const store = bucket.uri();
      // As production would: its cache is on the server that is then named as staging's
      await cliInProcess([
        ...['backup', '--source', source.url, '--store', store],
        ...['--invalidate-cache', `redis://127.0.0.1:${server?.port}/1`],
      ]);
      const shown = await cliInProcess(['show', '--store', store]);
      expect(shown.stdout).toMatch(/source's cache +0 keys deleted\n/);
      await cliInProcess(['allow-target', target.url]);
      const url = `redis://127.0.0.1:${server?.port}`;
      const restore = (...args: string[]) =>
        cliInProcess(['restore', '--store', store, '--target', target.url, '--drain-broker', ...args]);

      const known = await restore('--broker', url);
      expect(known).toMatchObject({ code: 3, stderr: expect.stringContaining('name the source') });
      expect(await broker.llen('default')).toBe(3);
      await verbs().backup({ source: source.url, store });
      const unasked = await restore('--broker', url);
      expect(unasked).toMatchObject({ code: 3, stderr: expect.stringContaining('(DrainNotConfirmed)') });
      expect(unasked.stderr).toContain(`3 × ${runJob}`);
      expect(await broker.llen('default')).toBe(3);
      const ours = await restore('--broker', url, '--source-broker', url, '--yes');
      expect(ours).toMatchObject({ code: 3, stderr: expect.stringContaining('(BrokerIsSource)') });
      expect(await broker.llen('default')).toBe(3);

      const done = await restore('--invalidate-cache', `${url}/1`, '--yes');
      expect(done.code).toBe(0);
      expect(done.stderr).toContain(`6 tasks wait in 127.0.0.1:${server?.port}/0: default: 3 × ${runJob}`);
      expect(done.stdout).toContain(`  broker 127.0.0.1:${server?.port}/0: 6 tasks removed\n`);
      expect(done.stdout + done.stderr).not.toContain('hush');
      expect((await broker.keys('*')).sort()).toEqual(notQueued);
      const { report } = documentOf(await cliInProcess(['report', '--store', store, '--json']));
      expect(report.sections.DrainBroker).toMatchObject({ tasks: 6, remaining: 0 });
      expect(report.states.map(({ state }: { state: string }) => state)).toContain('DrainBroker');
    } finally {
      broker.disconnect();
      await server?.stop();
      await source.drop();
      await target.drop();
    }
  },
);
