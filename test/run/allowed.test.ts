import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allowedStores, allowedTargets, mustAllowStore } from '../../functions/run/allowed.ts';

const allows = (list: string, host: string, port: number, database: string) =>
  allowedTargets(list, 'LIST')?.some((entry) => entry.allows({ host, port, database }));

test.each([
  ['staging.example:5432/nautobot', 'staging.example', 5432, 'nautobot', true],
  ['staging.example:5432/nautobot', 'staging.example', 5433, 'nautobot', false],
  ['staging.example:5432/nautobot', 'staging.example', 5432, 'nautobot2', false],
  ['STAGING.example/nautobot', 'staging.Example.', 6000, 'nautobot', true],
  ['staging.example/nautobot', 'staging.example', 6000, 'Nautobot', false],
  ['*.example/nautobot_*', 'db.staging.example', 5432, 'nautobot_x', true],
  ['*.example/nautobot_*', 'example', 5432, 'nautobot_x', false],
  ['stagingXexample/nautobot', 'staging.example', 5432, 'nautobot', false],
  ['localhost/nautobot', '127.0.0.1', 5432, 'nautobot', true],
  ['localhost/nautobot', '/var/run/postgresql', 5432, 'nautobot', true],
  ['[::1]:5432/nautobot', 'localhost', 5432, 'nautobot', true],
  ['[fd00::7]:5432/nautobot', 'fd00::7', 5432, 'nautobot', true],
  ['a/b, c/d', 'c', 1, 'd', true],
  ['*/*', 'production.example', 5432, 'nautobot', true],
])('%j and %s:%i/%s: %s', (list, host, port, database, expected) => {
  expect(allows(list, host, port, database)).toBe(expected);
});

test('an entry that is no target is named, and a list that is not set allows everything', () => {
  for (const wrong of ['nautobot', 'host:port/db', 'a/b/c', 'postgres://h/d', ':5432/d', 'h:5432/'])
    expect(() => allowedTargets(`x/y,${wrong}`, 'LIST')).toThrow(`LIST: ${JSON.stringify(wrong)}`);
  for (const unset of [undefined, '', ' , ']) expect(allowedTargets(unset, 'LIST')).toBeUndefined();
});

test('without a star an entry allows one host and database, whatever characters they are of', () => {
  const name = fc.stringMatching(/^[a-z.+()$^|\\-]{1,12}$/);
  fc.assert(
    fc.property(name, name, name, name, (host, database, other, third) => {
      const dotless = (text: string) => text.replace(/\.$/, '');
      fc.pre(dotless(host) !== '' && dotless(other) !== '');
      expect(allows(`${host}/${database}`, host, 1, database)).toBe(true);
      if (dotless(other) !== dotless(host))
        expect(allows(`${host}/${database}`, other, 1, database)).toBe(false);
      if (third !== database) expect(allows(`${host}/${database}`, host, 1, third)).toBe(false);
    }),
  );
});

test.each([
  ['s3://backups', 's3://backups/any/where', true],
  ['s3://backups/nautobot', 's3://backups/nautobot', true],
  ['s3://backups/nautobot/', 's3://backups/nautobot/production', true],
  ['s3://backups/nautobot', 's3://backups/nautobot-of-others', false],
  ['s3://backups', 's3://backups-of-others/x', false],
  ['s3://*-backups/nautobot', 's3://eu-backups/nautobot', true],
  ['s3://a,s3://b/c', 's3://b/d', false],
])('store list %j and %s: %s', (list, uri, expected) => {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(uri) ?? [];
  const look = () => mustAllowStore({ bucket, prefix }, allowedStores(list, 'LIST'));
  if (expected) expect(look).not.toThrow();
  else expect(look).toThrow(/is not an allowed store .*REPLICATOR_ALLOWED_STORES/);
});

test('an entry that is no store is named', () => {
  expect(() => allowedStores('backups/nautobot', 'LIST')).toThrow('LIST: "backups/nautobot" is not a store');
});
