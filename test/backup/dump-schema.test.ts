import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpSome } from '../../functions/backup/dump-schema.ts';
import { keys, SectionRecord } from '../../functions/backup/records.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { Lifetime } from '../../functions/run/lifetime.ts';
import { find } from '../../functions/run/stored.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { testStore } from '../archive/test-store.ts';
import { definitionsOf, withSession } from '../definitions/load-definitions.ts';
import { freshDatabase } from '../servers/fresh-database.ts';
import { newRunId } from '../target/restore-steps.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let store: ObjectStore;
beforeAll(async () => {
  fresh = await freshDatabase({ template: 'nautobot_31' });
  store = (await testStore()).store;
});
afterAll(() => fresh.drop());

test('of many relations each section has a lifetime of its own, and both are those that one invocation reads', async () => {
  const database = await openDatabase(fresh.url);
  const at = { runId: newRunId(), round: 1 };
  const text = async (key: string) => (await store.get(key))?.body.toString('utf8') ?? '';
  const seen: string[] = [];
  await withSession(fresh.url, async (session) => {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    for (let done = false; !done; ) {
      // Less than half of the lifetime is left as soon as something has been done
      let looks = 0;
      const life = new Lifetime(() => (looks++ === 0 ? 10_000 : 4_000));
      done = await dumpSome(store, database, session, {
        at,
        life,
        atOnceUpTo: 0,
        applicationName: 'dump schema',
        signal: new AbortController().signal,
      });
      const parts = await Promise.all([
        text(keys.schemaPart(at, 'pre-data')),
        text(keys.schemaPart(at, 'post-data')),
      ]);
      seen.push(`${parts.map((part) => (part === '' ? 'no' : 'yes')).join(' ')} ${done}`);
    }
  });
  expect(seen).toEqual(['yes no false', 'yes yes false', 'yes yes true']);
  const whole = await definitionsOf(fresh.url);
  expect((await text(keys.schemaPart(at, 'pre-data'))) + (await text(keys.schemaPart(at, 'post-data')))).toBe(
    whole.schema,
  );
  for (const [section, expected] of [
    ['pre-data', whole.preData],
    ['post-data', whole.postData],
  ] as const) {
    const { result } = await find(store, keys.sectionRecord(at, section), SectionRecord);
    expect(result.section.rawBytes).toBe(Buffer.byteLength(expected));
  }
});
