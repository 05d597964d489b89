import { expect, test } from 'vitest';
import { parseCacheUrl } from '../../functions/cache/address.ts';
import { cacheUrlOf } from '../../functions/run/cache-url.ts';

test('a password of its own goes into a URL that has none, whatever is in it', async () => {
  const password = 'p@ss/w:rd #1;';
  for (const [url, expected] of [
    ['redis://cache.example.com/1', { host: 'cache.example.com', database: 1 }],
    ['rediss://nautobot@cache.example.com:6380', { username: 'nautobot', port: 6380 }],
    ['redis+sentinel://s1,s2:26380/mymaster/1', { database: 1 }],
    ['sentinel://s1:26379;sentinel://s2:26379/0?master_name=m', { database: 0 }],
  ] as const)
    expect(parseCacheUrl(await cacheUrlOf(url, password)), url).toMatchObject({ password, ...expected });
});

test('a URL that has a password keeps it', async () => {
  expect(await cacheUrlOf('redis://u:own@cache/1', 'other')).toBe('redis://u:own@cache/1');
});

test('what is no URL is refused without being repeated', async () => {
  const attempt = cacheUrlOf('memcached://:secret@cache');
  await expect(attempt).rejects.toMatchObject({ code: 'ConfigurationMissing' });
  await expect(attempt).rejects.not.toThrow(/secret/);
});
