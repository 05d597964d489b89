import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  BadCacheUrl,
  CacheAccessDenied,
  CacheUnreachable,
  InvalidationFailed,
} from '../../functions/cache/errors.ts';
import { checkCache, invalidateRedis } from '../../functions/cache/invalidate-redis.ts';
import { silence } from '../../functions/run/progress.ts';
import {
  freePort,
  type RunningRedis,
  redisProgram,
  startCluster,
  startRedis,
  startSentinel,
} from './redis-server.ts';

const nothing = {
  remaining: 0,
  reappeared: [],
  django: 0,
  queryCache: 0,
  otherVersions: 0,
  otherPrefixes: [],
};
const quiet = { signal: new AbortController().signal, progress: silence };

if (redisProgram === undefined) {
  it('of Redis is left out: neither redis-server nor valkey-server is on the PATH', ({ skip }) => skip());
}

describe.runIf(redisProgram !== undefined)('invalidating the cache in Redis', () => {
  let redis: RunningRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.client().flushall());
  afterAll(() => redis.stop());

  async function fill(db: number, keys: readonly string[]): Promise<void> {
    const client = redis.client(db);
    for (const key of keys) await client.set(key, 'value');
  }

  async function keysOf(db: number): Promise<string[]> {
    return (await redis.client(db).keys('*')).sort();
  }

  it('of Nautobot 3 deletes the stale entries of database 1, and leaves the Celery queue in 0', async () => {
    await fill(1, [':1:constance:nautobot:BANNER_TOP', ':1:nautobot.extras.customfield']);
    await redis.client(0).lpush('default', 'task');
    await redis.client(0).sadd('_kombu.binding.default', 'x');
    const result = await invalidateRedis(redis.url, quiet);
    expect(result).toEqual({
      databases: [
        { db: 0, deleted: 0, ...nothing, broker: true },
        { db: 1, deleted: 2, ...nothing, django: 2, broker: false },
      ],
      deleted: 2,
      remaining: 0,
      servers: [{ host: '127.0.0.1', port: redis.port, runId: expect.stringMatching(/^[0-9a-f]{40}$/) }],
    });
    expect(await keysOf(1)).toEqual([]);
    expect(await keysOf(0)).toEqual(['_kombu.binding.default', 'default']);
  });

  it('of Nautobot 1.6 deletes both caches, and leaves queue and results that share a database', async () => {
    await fill(0, [':1:constance', 'celery-task-meta-1', 'unrelated', 'q:not-a-query-cache-here']);
    await redis.client(0).lpush('default', 'task');
    await fill(1, ['q:0123', 'as:0123', 'conj:dcim_device:id=1', 'schemes:dcim_device', 'something:else']);
    const result = await invalidateRedis(redis.url, quiet);
    expect(result).toMatchObject({ deleted: 5, remaining: 0 });
    expect(result.databases.map(({ broker }) => broker)).toEqual([true, false]);
    expect(result.databases.map(({ django, queryCache }) => [django, queryCache])).toEqual([
      [1, 1],
      [0, 4],
    ]);
    expect(await keysOf(0)).toEqual([
      'celery-task-meta-1',
      'default',
      'q:not-a-query-cache-here',
      'unrelated',
    ]);
    expect(await keysOf(1)).toEqual(['something:else']);
  });

  it('takes a database with nothing but a list for a broker, whatever the queue is called', async () => {
    await redis.client(1).rpush('bulk', 'task');
    await fill(1, ['q:0123', ':1:x']);
    const result = await invalidateRedis(redis.url, quiet);
    expect(result.databases[1]).toMatchObject({ broker: true, deleted: 1 });
    expect(await keysOf(1)).toEqual(['bulk', 'q:0123']);
  });

  it('deletes results of the query cache beside a queue, too: nothing else is named so', async () => {
    const result = `q:${'0123456789abcdef'.repeat(2)}`;
    await redis.client(0).lpush('default', 'task');
    await fill(0, [result, 'q:short', 'conj:dcim_device:']);
    expect(await invalidateRedis(redis.url, quiet)).toMatchObject({ deleted: 1, remaining: 0 });
    expect(await keysOf(0)).toEqual(['conj:dcim_device:', 'default', 'q:short']);
  });

  it('looks at the database of the URL alone, or at those asked for', async () => {
    for (const db of [0, 1, 5]) await fill(db, [':1:x']);
    expect(await invalidateRedis(`${redis.url}/5`, quiet)).toMatchObject({ deleted: 1 });
    expect([await keysOf(0), await keysOf(1), await keysOf(5)]).toEqual([[':1:x'], [':1:x'], []]);
    expect(await invalidateRedis(redis.url, { ...quiet, databases: [1] })).toMatchObject({ deleted: 1 });
    expect([await keysOf(0), await keysOf(1)]).toEqual([[':1:x'], []]);
  });

  it('with a key prefix deletes the entries under it, and mentions the others', async () => {
    const warnings: string[] = [];
    const progress = { ...silence, warn: (message: string) => warnings.push(message) };
    await fill(1, ['prod:1:a', ':1:b', 'staging:1:c', 'staging:2:d']);
    const result = await invalidateRedis(redis.url, { ...quiet, progress, keyPrefix: 'staging' });
    expect(result.deleted).toBe(1);
    expect(await keysOf(1)).toEqual([':1:b', 'prod:1:a', 'staging:2:d']);
    expect(result.databases[1]).toMatchObject({ otherVersions: 1 });
    expect([...(result.databases[1]?.otherPrefixes ?? [])].sort()).toEqual(['', 'prod']);
    expect(warnings.join('\n')).toMatch(/another version/);
    expect(warnings.join('\n')).toMatch(/"prod"/);
  });

  it('takes a prefix with glob characters for what it is', async () => {
    for (const keyPrefix of ['*', 'a?', '[ab]', 'a\\', '^', 'ключ']) {
      await fill(1, [`${keyPrefix}:1:mine`, 'ab:1:theirs', 'a:1:theirs', 'b:1:theirs']);
      const result = await invalidateRedis(redis.url, { ...quiet, keyPrefix });
      expect(result.deleted).toBe(1);
      expect(await keysOf(1)).toEqual(['a:1:theirs', 'ab:1:theirs', 'b:1:theirs']);
    }
  });

  it('deletes keys that are no text, and of every type', async () => {
    const client = redis.client(1);
    await client.set(Buffer.from(':1:\xff\xfe\x00\n', 'latin1'), 'x');
    await client.hset(':1:hash', 'a', 'b');
    await client.lpush(':1:list', 'a');
    await client.set(Buffer.from('\xff:1:', 'latin1'), 'x');
    expect(await invalidateRedis(redis.url, quiet)).toMatchObject({ deleted: 3, remaining: 0 });
    expect(await client.dbsize()).toBe(1);
  });

  it('finds every one of many keys among many others', async () => {
    const client = redis.client(1);
    for (let i = 0; i < 12_000; i += 1000) {
      const some = Array.from({ length: 1000 }, (_, n) => i + n);
      await client.mset(some.flatMap((n) => [`:1:${n}`, 'x', `other-${n}`, 'x', `q:${n}`, 'x']));
    }
    expect(await invalidateRedis(redis.url, quiet)).toMatchObject({ deleted: 24_000, remaining: 0 });
    expect(await client.dbsize()).toBe(12_000);
  });

  it('counts what a running application fills again, and says so without failing', async () => {
    const writer = redis.client(1);
    let writing = true;
    const warnings: string[] = [];
    const progress = { ...silence, warn: (message: string) => warnings.push(message) };
    const filling = (async () => {
      for (let n = 0; writing; n += 1) await writer.set(`:1:${n}`, 'again');
    })();
    const result = await invalidateRedis(redis.url, { ...quiet, progress });
    writing = false;
    await filling;
    expect(result.remaining).toBeGreaterThan(0);
    expect(result.databases[1]?.reappeared[0]).toMatch(/^:1:\d+$/);
    expect(warnings.join()).toMatch(/has \d+ cache keys again \(:1:\d+/);
  });

  it('deletes with its second look what was written during the first', async () => {
    const writer = redis.client(1);
    await fill(1, [':1:stale']);
    // The first answer to an UNLINK arrives after another program has written
    let seen = false;
    let written: Promise<unknown> | undefined;
    const front = createServer((socket) => {
      const behind = connect(redis.port, '127.0.0.1');
      socket.on('data', (data) => {
        seen ||= /unlink/i.test(data.toString('latin1'));
        behind.write(data);
      });
      behind.on('data', async (data) => {
        if (seen) written ??= writer.set(':1:written-meanwhile', 'stale');
        await written;
        socket.write(data);
      });
      socket.on('close', () => behind.destroy());
    });
    const port = await freePort();
    await new Promise<void>((resolve) => front.listen(port, '127.0.0.1', resolve));
    const result = await invalidateRedis(`redis://127.0.0.1:${port}/1`, quiet);
    front.close();
    expect(written).toBeDefined();
    expect(result).toMatchObject({ deleted: 2, remaining: 0 });
    expect(await keysOf(1)).toEqual([]);
  });

  it('uses DEL where UNLINK is not allowed', async () => {
    const client = redis.client(1);
    await client.acl('SETUSER', 'old', 'on', '>secret', '~*', '+@all', '-unlink');
    await fill(1, [':1:a', ':1:b']);
    const url = `redis://old:secret@127.0.0.1:${redis.port}`;
    expect(await invalidateRedis(url, quiet)).toMatchObject({ deleted: 2, remaining: 0 });
  });

  it('fails when it may not delete at all, and when it may not look', async () => {
    const client = redis.client(1);
    await fill(1, [':1:a']);
    for (const forbidden of [['-unlink', '-del'], ['-scan']]) {
      await client.acl('SETUSER', 'reader', 'reset', 'on', '>secret', '~*', '+@all', ...forbidden);
      const attempt = invalidateRedis(`redis://reader:secret@127.0.0.1:${redis.port}`, quiet);
      await expect(attempt).rejects.toThrow(InvalidationFailed);
      await expect(attempt).rejects.toThrow(/the user "reader" .* lacks a permission .*'(scan|del)' command/);
      const early = checkCache(`redis://reader:secret@127.0.0.1:${redis.port}`);
      await expect(early).rejects.toThrow(CacheAccessDenied);
      await expect(early).rejects.toThrow(/\+scan \+type \+unlink \+del/);
    }
    expect(await keysOf(1)).toEqual([':1:a']);
  });

  it('gets along with a user who may do no more than it takes', async () => {
    await redis
      .client()
      .acl(
        'SETUSER',
        'least',
        'reset',
        'on',
        '>secret',
        '~*',
        '+ping',
        '+scan',
        '+type',
        '+unlink',
        '+select',
      );
    await fill(1, [':1:a']);
    const url = `redis://least:secret@127.0.0.1:${redis.port}`;
    await checkCache(url);
    expect(await invalidateRedis(url, quiet)).toMatchObject({ deleted: 1, remaining: 0 });
  });

  it('stops with the reason of the signal', async () => {
    const signal = AbortSignal.abort(new Error('Ctrl-C'));
    await fill(1, [':1:a']);
    await expect(invalidateRedis(redis.url, { ...quiet, signal })).rejects.toThrow('Ctrl-C');
    expect(await keysOf(1)).toEqual([':1:a']);
  });

  it('ends at once on an abort when the server hangs', async () => {
    const hanging = createServer(() => {});
    const port = await freePort();
    await new Promise<void>((resolve) => hanging.listen(port, '127.0.0.1', resolve));
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('Ctrl-C')), 100);
    const options = { ...quiet, signal: controller.signal };
    await expect(invalidateRedis(`redis://127.0.0.1:${port}`, options)).rejects.toThrow('Ctrl-C');
    hanging.close();
  });
});

describe.runIf(redisProgram !== undefined)('checking the cache before a run', () => {
  it('says which of address, password and database is wrong, without the password', async () => {
    const redis = await startRedis([], 'right');
    const at = `127.0.0.1:${redis.port}`;
    await checkCache(`redis://:right@${at}/1`);
    for (const [url, kind, message] of [
      [`redis://:wrong-one@${at}`, CacheAccessDenied, /WRONGPASS/],
      [`redis://nobody:wrong-one@${at}`, CacheAccessDenied, /WRONGPASS/],
      [`redis://${at}`, CacheAccessDenied, /NOAUTH/],
      [`redis://:right@${at}/99`, BadCacheUrl, /no database 99/],
      [`redis://:wrong-one@127.0.0.1:${await freePort()}`, CacheUnreachable, /ECONNREFUSED/],
      ['redis://:wrong-one@no-such-host.invalid', CacheUnreachable, /ENOTFOUND|EAI_AGAIN/],
      [`rediss://:right@${at}`, CacheUnreachable, /./],
      ['memcached://cache', BadCacheUrl, /redis:\/\//],
      [`rediss://${at}?ssl_ca_certs=/no/such/file`, BadCacheUrl, /\/no\/such\/file/],
    ] as const) {
      const attempt = checkCache(url);
      await expect(attempt, url).rejects.toThrow(kind);
      await expect(attempt, url).rejects.toThrow(message);
      await expect(attempt, url).rejects.toMatchObject({ exitCode: 2 });
      await expect(attempt, url).rejects.not.toThrow(/wrong-one/);
    }
    const during = invalidateRedis(`redis://:wrong-one@${at}`, quiet);
    await expect(during).rejects.toMatchObject({ code: 'InvalidationFailed', exitCode: 1 });
    await redis.stop();
    await expect(checkCache(`redis://:right@${at}`)).rejects.toThrow(CacheUnreachable);
    // One of these speaks TLS to a server that waits for more of what it takes for a command.
  }, 40_000);

  it('refuses a wrong password also where the server would let in everybody', async () => {
    const redis = await startRedis();
    const attempt = checkCache(`redis://nobody:wrong@127.0.0.1:${redis.port}`);
    await expect(attempt).rejects.toThrow(CacheAccessDenied);
    await redis.stop();
  });

  it('refuses a read-only replica', async () => {
    const primary = await startRedis();
    const replica = await startRedis(['--replicaof', `127.0.0.1 ${primary.port}`]);
    await expect(checkCache(replica.url)).rejects.toThrow(/replica/);
    await primary.client().acl('SETUSER', 'blind', 'reset', 'on', '>s', '~*', '+@all', '-info', '-role');
    await replica.client().acl('SETUSER', 'blind', 'reset', 'on', '>s', '~*', '+@all', '-info', '-role');
    await expect(checkCache(`redis://blind:s@127.0.0.1:${replica.port}`)).rejects.toThrow(
      /read-only replica/,
    );
    await checkCache(`redis://blind:s@127.0.0.1:${primary.port}`);
    await primary.client().config('SET', 'min-replicas-to-write', '5');
    await expect(checkCache(primary.url)).rejects.toThrow(/takes no writes now \(NOREPLICAS/);
    await primary.client().config('SET', 'min-replicas-to-write', '0');
    await checkCache(primary.url);
    await replica.stop();
    await primary.stop();
  });
});

describe.runIf(redisProgram !== undefined)('a cache behind TLS', () => {
  const file = (name: string) => new URL(name, import.meta.url).pathname;

  it('is verified by the roots that the URL names, and by name', async () => {
    const redis = await startRedis([], 'right');
    const pem = { key: readFileSync(file('tls-key.pem')), cert: readFileSync(file('tls-certificate.pem')) };
    const front = createTlsServer(pem, (socket) => {
      const behind = connect(redis.port, '127.0.0.1');
      socket.pipe(behind).pipe(socket);
      for (const end of [socket, behind]) end.on('error', () => {});
    });
    const port = await freePort();
    await new Promise<void>((resolve) => front.listen(port, '127.0.0.1', resolve));
    await redis.client(1).set(':1:x', 'x');
    const roots = `ssl_ca_certs=${encodeURIComponent(file('tls-certificate.pem'))}`;
    await expect(checkCache(`rediss://:right@127.0.0.1:${port}?${roots}`)).rejects.toThrow(CacheUnreachable);
    await checkCache(`rediss://:right@127.0.0.1:${port}`);
    await redis.client().acl('SETUSER', 'nautobot', 'on', '>of the user', '~*', '+@all');
    const url = `rediss://nautobot:of%20the%20user@localhost:${port}?${roots}`;
    expect(await invalidateRedis(url, quiet)).toMatchObject({ deleted: 1 });
    await expect(checkCache(`redis://:right@127.0.0.1:${port}`)).rejects.toThrow(CacheUnreachable);
    front.close();
    await redis.stop();
  });
});

describe.runIf(redisProgram !== undefined)('a cache in a cluster of three', () => {
  it('is invalidated on every primary, from whichever the URL names', async () => {
    const servers = await startCluster(3);
    const keys = Array.from({ length: 200 }, (_, n) => [`:1:${n}`, `left-${n}`]).flat();
    const sizes = async () => {
      const counts = await Promise.all(servers.map((server) => server.client().dbsize()));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    for (const server of servers) {
      for (const key of keys)
        for (const each of servers)
          if (
            await each
              .client()
              .set(key, 'x')
              .catch(() => false)
          )
            break;
      expect(await servers[2]?.client().dbsize()).toBeGreaterThan(60);
      await checkCache(server.url);
      const result = await invalidateRedis(server.url, quiet);
      expect(result).toMatchObject({ deleted: 200, remaining: 0 });
      expect(result.databases.map(({ db }) => db)).toEqual([0]);
      expect(await sizes()).toBe(200);
    }
    await expect(checkCache(`${servers[0]?.url}/1`)).rejects.toThrow(BadCacheUrl);
    for (const server of servers) await server.stop();
  }, 30_000);
});

describe.runIf(redisProgram !== undefined)('a cache behind sentinels', () => {
  let primary: RunningRedis;
  let replica: RunningRedis;
  let sentinel: RunningRedis;
  beforeAll(async () => {
    primary = await startRedis([], 'right');
    replica = await startRedis(
      ['--replicaof', `127.0.0.1 ${primary.port}`, '--masterauth', 'right'],
      'right',
    );
    await primary.client().config('SET', 'masterauth', 'right');
    sentinel = await startSentinel(primary.port, { authPass: 'right', requirePass: 'watch' });
  });
  afterAll(async () => {
    for (const server of [sentinel, replica, primary]) await server.stop();
  });
  const at = (rest: string) => `redis+sentinel://:right@127.0.0.1:${sentinel.port}${rest}`;

  it('is found by the name of its primary, in the ways that programs write it', async () => {
    const login = 'sentinel_password=watch';
    const gone = await freePort();
    for (const url of [
      at(`/mymaster/1?${login}`),
      `redis+sentinel://:right@127.0.0.1:${gone},127.0.0.1:${sentinel.port}/mymaster/1?${login}`,
      `sentinel://:right@127.0.0.1:${gone};sentinel://:right@127.0.0.1:${sentinel.port}/1?master_name=mymaster&${login}`,
    ]) {
      await primary.client(1).set(':1:x', 'stale');
      await checkCache(url);
      expect(await invalidateRedis(url, quiet)).toMatchObject({ deleted: 1, databases: [{ db: 1 }] });
    }
  });

  it('is refused with what is wrong: the name, the password of sentinels or of servers', async () => {
    await expect(checkCache(at('/other?sentinel_password=watch'))).rejects.toThrow(/no primary "other"/);
    await expect(checkCache(at('/mymaster'))).rejects.toThrow(CacheAccessDenied);
    const wrong = `redis+sentinel://:wrong-one@127.0.0.1:${sentinel.port}/mymaster?sentinel_password=watch`;
    await expect(checkCache(wrong)).rejects.toThrow(CacheAccessDenied);
    await expect(checkCache(wrong)).rejects.not.toThrow(/wrong-one/);
  });

  it('is invalidated where it is after a failover', async () => {
    const url = at('/mymaster/1?sentinel_password=watch');
    const before = primary.client(1);
    await before.set(':1:before', 'stale');
    expect(await before.wait(1, 10_000)).toBe(1);
    await expect
      .poll(async () => (await sentinel.client().call('SENTINEL', 'replicas', 'mymaster')) as unknown[], {
        timeout: 15_000,
      })
      .toHaveLength(1);
    await expect
      .poll(() => sentinel.client().call('SENTINEL', 'failover', 'mymaster').catch(String), {
        timeout: 15_000,
        interval: 500,
      })
      .toBe('OK');
    const named = () => sentinel.client().call('SENTINEL', 'get-master-addr-by-name', 'mymaster');
    await expect.poll(named, { timeout: 15_000 }).toEqual(['127.0.0.1', `${replica.port}`]);
    await replica.client(1).set(':1:after', 'stale');
    expect(await invalidateRedis(url, quiet)).toMatchObject({ deleted: 2, remaining: 0 });
    expect(await replica.client(1).dbsize()).toBe(0);
  }, 60_000);
});
