import { expect, inject, test } from 'vitest';
import { beat, isRunAlive } from '../../functions/recovery/heartbeat.ts';
import type { RunOwner } from '../../functions/run/owner.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';

const owner: RunOwner = { kind: 'process', host: 'elsewhere', bootId: 'b', pid: 1, startedAt: 's' };
const runId = '20261123T054300Z-k3f9qa';
const minutes = (count: number) => new Date(Date.now() + count * 60_000);

test('a process on another machine lives for as long as it gives signs of life', async () => {
  Object.assign(process.env, inject('servers').s3.env);
  const store = openStore((await freshBucket()).uri());
  const around = { store, isAlive: async () => undefined };
  await beat(store, runId);
  expect(await isRunAlive(around, runId, owner, minutes(1))).toBe(true);
  expect(await isRunAlive(around, runId, owner, minutes(10))).toBe(false);
});

test('what can be seen from here decides, signs of life or not', async () => {
  Object.assign(process.env, inject('servers').s3.env);
  const store = openStore((await freshBucket()).uri());
  await beat(store, runId);
  expect(await isRunAlive({ store, isAlive: async () => false }, runId, owner, minutes(0))).toBe(false);
  expect(await isRunAlive({ store, isAlive: async () => true }, runId, owner, minutes(600))).toBe(true);
});
