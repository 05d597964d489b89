import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareMigrations } from '../../functions/target/compare-migrations.ts';

const applied = (apps: Record<string, string[]>) => new Map(Object.entries(apps));

test('a target that has applied the same or more is let through', () => {
  const target = applied({ dcim: ['0001_initial', '0002_more', '0003_newest'], extras: ['0001_initial'] });
  expect(compareMigrations({ dcim: '0002_more', extras: '0001_initial' }, target)).toEqual({
    behind: [],
    ahead: ['dcim'],
    unknown: [],
  });
});

test('a target that has not applied the newest of an app is behind, an app that it lacks is unknown to it', () => {
  const target = applied({ dcim: ['0001_initial'] });
  expect(compareMigrations({ dcim: '0002_more', golden_config: '0001_initial' }, target)).toEqual({
    behind: ['dcim is at 0001_initial, the backup at 0002_more'],
    ahead: [],
    unknown: ['golden_config'],
  });
});

test('a squashed migration with a higher number counts as newer', () => {
  const target = applied({ app: ['0001_squashed_0009_last', '0010_next'] });
  expect(compareMigrations({ app: '0009_last' }, target)).toMatchObject({ behind: [], ahead: ['app'] });
});

test('whatever was applied after what a backup has, is never behind it', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^\d{4}_[a-z]{1,8}$/), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(names, fc.nat(), (all, at) => {
      const newest = all[at % all.length] ?? '';
      const { behind, unknown } = compareMigrations({ app: newest }, applied({ app: all }));
      expect({ behind, unknown }).toEqual({ behind: [], unknown: [] });
    }),
  );
});
