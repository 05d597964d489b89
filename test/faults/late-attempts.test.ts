import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { compareBooks, openBank, whileMoneyMoves } from './bank.ts';
import { watchedRun } from './watched-run.ts';

let bank: FreshDatabase;
let copy: FreshDatabase;
let uri: string;
beforeEach(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  bank = await openBank();
  copy = await freshDatabase({ name: 'copied_bank' });
  uri = (await freshBucket()).uri();
});
afterEach(async () => {
  await bank.drop();
  await copy.drop();
});

/** How late attempts ended: `done`, or the code of their error. */
type Ends = string[];

/**
 * Every worker is started twice: an attempt that comes to a stop at some call to the store, and a second one, after
 * which the first goes on.
 */
function twice(stopAt: (store: ObjectStore, held: Promise<void>) => ObjectStore, ends: Ends) {
  return (work: StateHandler): StateHandler =>
    async (input, surroundings) => {
      const held = Promise.withResolvers<void>();
      const stopped = Promise.withResolvers<void>();
      const store = stopAt(
        new Proxy(surroundings.store, { get: (target, name) => bound(target, name) }),
        held.promise.then(() => {}),
      );
      const late = work(input, { ...surroundings, store: telling(store, stopped.resolve) }).then(
        () => ends.push('done'),
        (error: { code?: string }) => ends.push(error.code ?? String(error)),
      );
      await Promise.race([stopped.promise, late]);
      const output = await work(input, surroundings);
      held.resolve();
      await late;
      return output;
    };
}

function bound(target: object, name: string | symbol): unknown {
  const value = Reflect.get(target, name, target);
  return typeof value === 'function' ? value.bind(target) : value;
}

/** Tells when a call is made that is held up. */
function telling(store: ObjectStore, stopped: () => void): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value = bound(target, name);
      if (name !== 'putNew' && name !== 'read') return value;
      return (...parameters: unknown[]) => {
        setTimeout(stopped, 300);
        return (value as (...all: unknown[]) => unknown)(...parameters);
      };
    },
  });
}

async function backUp(instead = {}): Promise<void> {
  const input = { shardBytes: 1024 * 1024, jobs: 2 };
  await watchedRun({ machine: 'backup', places: { source: bank.url, store: uri }, input, instead });
}

async function restore(instead = {}): Promise<void> {
  await watchedRun({ machine: 'restore', places: { target: copy.url, store: uri }, instead });
}

test('attempts at shards that finish after their successors change nothing', async () => {
  const ends: Ends = [];
  const beforeResult = (store: ObjectStore, held: Promise<void>): ObjectStore =>
    new Proxy(store, {
      get: (target, name) =>
        name === 'putNew'
          ? async (...parameters: Parameters<ObjectStore['putNew']>) => {
              await held;
              return target.putNew(...parameters);
            }
          : bound(target, name),
    });
  await whileMoneyMoves(bank, () => backUp({ CopyShard: twice(beforeResult, ends) }));
  expect(ends.length).toBeGreaterThan(3);
  expect(new Set(ends)).toEqual(new Set(['done']));
  const left: string[] = [];
  for await (const { key } of openStore(uri).list('runs/')) left.push(key);
  expect(left).toEqual([]);
  await restore();
  expect((await compareBooks(copy)).differences).toEqual([]);
});

test('attempts at loading that stand still within a COPY are ended by their successors, and no row comes twice', async () => {
  await whileMoneyMoves(bank, () => backUp());
  const ends: Ends = [];
  const withinCopy = (store: ObjectStore, held: Promise<void>): ObjectStore =>
    new Proxy(store, {
      get: (target, name) =>
        name === 'read'
          ? async function* (...parameters: Parameters<ObjectStore['read']>) {
              let first = true;
              for await (const slice of target.read(...parameters)) {
                if (!first) await held;
                const half = Math.floor(slice.length / 2);
                yield slice.subarray(0, half);
                await held;
                yield slice.subarray(half);
                first = false;
              }
            }
          : bound(target, name),
    });
  await restore({ LoadShard: twice(withinCopy, ends) });
  expect(ends.length).toBeGreaterThan(0);
  expect(ends).not.toContain('done');
  expect((await compareBooks(copy)).differences).toEqual([]);
});
