import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { putResultNew, readResult } from '../../functions/archive/put-result.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { testStore } from './test-store.ts';

const Result = z.object({ attempt: z.int() });

describe('the result of a shard', () => {
  let store: ObjectStore;
  beforeAll(async () => {
    store = (await testStore()).store;
  });

  it('is that of the first attempt to finish, for every attempt', async () => {
    expect(await putResultNew(store, 'first', Result, { attempt: 1 })).toEqual({ attempt: 1 });
    expect(await putResultNew(store, 'first', Result, { attempt: 2 })).toEqual({ attempt: 1 });
    expect(await readResult(store, 'first', Result)).toEqual({ attempt: 1 });
  });

  it('is the same for all of many attempts that finish at once', async () => {
    const attempts = [1, 2, 3, 4, 5].map((attempt) => putResultNew(store, 'race', Result, { attempt }));
    const counting = new Set((await Promise.all(attempts)).map(({ attempt }) => attempt));
    expect(counting.size).toBe(1);
  });

  it('is not taken from what is no result', async () => {
    await store.put('odd', '{"attempt":"one"}');
    await expect(putResultNew(store, 'odd', Result, { attempt: 1 })).rejects.toMatchObject({
      code: 'InternalError',
    });
    await expect(readResult(store, 'odd', Result)).rejects.toThrow('odd');
    expect(await readResult(store, 'missing', Result)).toBeUndefined();
  });
});
