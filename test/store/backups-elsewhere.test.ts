import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readingElsewhere } from '../../functions/store/backups-elsewhere.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { all, collect } from './bytes.ts';

let own: ObjectStore;
let other: ObjectStore;
let store: ObjectStore;
beforeEach(async () => {
  const [here, there] = [await freshBucket(), await freshBucket()];
  for (const [name, value] of Object.entries(here.env)) vi.stubEnv(name, value);
  own = openStore(here.uri());
  other = openStore(there.uri('production'));
  store = readingElsewhere(own, 'backups/', other);
});
afterEach(() => vi.unstubAllEnvs());

test('backups are read and listed over there', async () => {
  const { etag } = await other.put('backups/one/manifest.json', '{}');
  expect((await store.get('backups/one/manifest.json'))?.body.toString()).toBe('{}');
  expect(await store.head('backups/one/manifest.json')).toMatchObject({ size: 2 });
  expect(await store.listFolders('backups/')).toEqual(['one']);
  const range = store.read('backups/one/manifest.json', { offset: 1, length: 1 }, { etag });
  expect((await collect(range)).toString()).toBe('}');
  expect(store.uri('backups/one')).toBe(other.uri('backups/one'));
});

test('everything else is here, and so is whatever is written', async () => {
  await store.put('runs/one/run.json', '{}');
  await store.put('backups/two/manifest.json', '{}');
  expect(await all(store.list('runs/'))).toMatchObject([{ key: 'runs/one/run.json' }]);
  expect(await all(other.list(''))).toEqual([]);
  expect(await own.listFolders('backups/')).toEqual(['two']);
  await other.put('backups/two/manifest.json', 'theirs');
  await store.remove(['backups/two/manifest.json']);
  expect((await other.get('backups/two/manifest.json'))?.body.toString()).toBe('theirs');
});
