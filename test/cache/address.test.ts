import { describe, expect, it } from 'vitest';
import { describeCache, isLoopback, parseCacheUrl } from '../../functions/cache/address.ts';
import { BadCacheUrl } from '../../functions/cache/errors.ts';
import { kindOfKey, nameOfKey, otherPrefixOf } from '../../functions/cache/layout.ts';

describe('a cache URL', () => {
  it('names host, port, database, user and password', () => {
    expect(parseCacheUrl('redis://nautobot:p%40ss%2Fword@cache.example.com:6380/1')).toEqual({
      host: 'cache.example.com',
      port: 6380,
      username: 'nautobot',
      password: 'p@ss/word',
      database: 1,
      tls: false,
    });
    expect(parseCacheUrl('redis://:secret@localhost')).toEqual({
      host: 'localhost',
      port: 6379,
      password: 'secret',
      tls: false,
    });
    expect(parseCacheUrl('redis://[::1]:7000/')).toEqual({ host: '::1', port: 7000, tls: false });
    expect(parseCacheUrl('redis:///2')).toEqual({ host: 'localhost', port: 6379, database: 2, tls: false });
  });

  it('with rediss verifies the certificate, but not on this machine and not where a person says so', () => {
    expect(parseCacheUrl('rediss://cache.example.com').tls).toEqual({ verify: true });
    expect(parseCacheUrl('rediss://localhost').tls).toEqual({ verify: false });
    expect(parseCacheUrl('rediss://127.0.0.2').tls).toEqual({ verify: false });
    expect(parseCacheUrl('rediss://localhost?ssl_ca_certs=/ca.pem').tls).toEqual({
      verify: true,
      caFile: '/ca.pem',
    });
    expect(parseCacheUrl('rediss://cache.example.com/0?ssl_cert_reqs=none').tls).toEqual({ verify: false });
    expect(parseCacheUrl('rediss://cache.example.com/0?ssl_cert_reqs=CERT_REQUIRED').tls).toEqual({
      verify: true,
    });
    expect(isLoopback('127.0.0.1.example.com')).toBe(false);
  });

  it('that is none is refused without repeating it', () => {
    for (const text of [
      '',
      'cache:6379',
      'http://:secret@cache',
      'redis://:secret@cache:notaport',
      'redis://:secret@cache/one',
      'redis://:secret@cache/1/2',
      'redis://:se%cret@cache',
      'rediss://:secret@cache?ssl_cert_reqs=perhaps',
    ]) {
      const attempt = () => parseCacheUrl(text);
      expect(attempt).toThrow(BadCacheUrl);
      expect(attempt).not.toThrow(/secret|cret@/);
    }
  });

  it('is described without user and password', () => {
    expect(describeCache(parseCacheUrl('redis://nautobot:secret@[fd00::1]:6380/1'))).toBe('[fd00::1]:6380/1');
  });
});

describe('a key', () => {
  it('belongs to the Django cache, the query cache, a broker, or to nobody we know', () => {
    const kinds = (prefix: string, ...keys: string[]) => keys.map((key) => kindOfKey(key, prefix));
    expect(kinds('', ':1:constance', ':1:', ':2:x', ':10:x', ':x:1', 'a:1:x')).toEqual([
      'django',
      'django',
      'otherVersion',
      'otherVersion',
      'unknown',
      'unknown',
    ]);
    expect(kinds('a', 'a:1:x', ':1:x', 'a:2:x', 'ab:1:x')).toEqual([
      'django',
      'unknown',
      'otherVersion',
      'unknown',
    ]);
    expect(kinds('', 'q:1', 'as:1', 'conj:dcim_device:id=1', 'schemes:dcim_device', 'queue', 'q')).toEqual([
      'cacheops',
      'cacheops',
      'cacheops',
      'cacheops',
      'unknown',
      'unknown',
    ]);
    expect(kinds('', '_kombu.binding.default', 'unacked', 'unacked_index', 'celery-task-meta-1')).toEqual(
      Array(4).fill('broker'),
    );
    expect(kinds('', 'default\x06\x169', 'default')).toEqual(['broker', 'unknown']);
    expect(kinds('', `q:${'0af9'.repeat(8)}`, `as:${'0af9'.repeat(8)}`, `q:${'0af9'.repeat(9)}`)).toEqual([
      'query',
      'query',
      'cacheops',
    ]);
    expect(otherPrefixOf('staging:1:x')).toBe('staging');
    expect(otherPrefixOf('redbeat:tasks:1')).toBeUndefined();
  });

  it('is shown to people, but no session key in it', () => {
    expect(nameOfKey(':1:constance:nautobot:BANNER_TOP')).toBe(':1:constance:nautobot:BANNER_TOP');
    expect(nameOfKey(Buffer.from(':1:ключ').toString('latin1'))).toBe(':1:ключ');
    expect(nameOfKey(`:1:django.contrib.sessions.cache${'k3f9qa7x'.repeat(4)}`)).toBe(
      ':1:django.contrib.sessions.…',
    );
  });
});

describe('a cache URL with sentinels', () => {
  const hosts = [
    { host: 's1.example.com', port: 26_379 },
    { host: 's2.example.com', port: 26_380 },
  ];

  it('names them, what they call the primary, and the login of the servers', () => {
    const server = { host: 's1.example.com', port: 26_379, password: 'p@ss', tls: false };
    expect(parseCacheUrl('redis+sentinel://:p%40ss@s1.example.com,s2.example.com:26380/mymaster/1')).toEqual({
      ...server,
      database: 1,
      sentinel: { hosts, primary: 'mymaster' },
    });
    expect(parseCacheUrl('redis-sentinel://:p%40ss@s1.example.com,s2.example.com:26380/2#mymaster')).toEqual({
      ...server,
      database: 2,
      sentinel: { hosts, primary: 'mymaster' },
    });
    expect(
      parseCacheUrl(
        'sentinel://:p%40ss@s1.example.com:26379;sentinel://:p%40ss@s2.example.com:26380/0?master_name=my%20master&sentinel_password=x&sentinel_username=u',
      ),
    ).toEqual({
      ...server,
      database: 0,
      sentinel: { hosts, primary: 'my master', username: 'u', password: 'x' },
    });
  });

  it('with rediss speaks TLS to all of them', () => {
    const { tls } = parseCacheUrl('rediss+sentinel://s1.example.com/mymaster?ssl_ca_certs=/ca.pem');
    expect(tls).toEqual({ verify: true, caFile: '/ca.pem' });
  });

  it('is described without passwords, and refused without repeating them', () => {
    const url =
      'redis+sentinel://u:secret@s1.example.com,s2.example.com:26380/mymaster/1?sentinel_password=secret';
    expect(describeCache(parseCacheUrl(url))).toBe(
      'mymaster of sentinel s1.example.com:26379, s2.example.com:26380/1',
    );
    for (const wrong of [
      'redis+sentinel://:secret@s1.example.com',
      'redis+sentinel://:secret@s1.example.com/mymaster/one',
      'redis+sentinel://:secret@s1.example.com/mymaster/1/2',
      'redis+sentinel://:secret@s1.example.com:port/mymaster',
      'redis+sentinel://:se%cret@s1.example.com/mymaster',
      'redis+sentinel://:secret@s1.example.com/%',
    ]) {
      expect(() => parseCacheUrl(wrong), wrong).toThrow(BadCacheUrl);
      expect(() => parseCacheUrl(wrong)).not.toThrow(/secret|cret@/);
    }
  });
});
