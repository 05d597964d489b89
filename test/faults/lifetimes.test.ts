import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { verbs } from '../round-trip/replicator.ts';
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

const lambdaSeconds = 5;

/** Every worker waits before it begins, so that the backup takes several lifetimes. */
async function slowBackup(watch: (point: string) => Promise<void>) {
  return watchedRun({
    machine: 'backup',
    places: { source: bank.url, store: uri },
    input: { shardBytes: 1024 * 1024, jobs: 2 },
    lambdaSeconds,
    watch: (point) => (point.startsWith('sql') ? undefined : watch(point)),
  });
}

test('a backup of several lifetimes is of one moment, handed from keeper to keeper while money moves', async () => {
  const seen: string[] = [];
  const { result, moves } = await whileMoneyMoves(bank, () =>
    slowBackup(async (point) => {
      seen.push(point);
      if (point === 'state CopyShard') await sleep(3_000);
      if (point === 'left DumpSchema') await sleep(1_000);
    }),
  );
  const keepers = seen.filter((point) => point === 'state KeepSnapshot').length;
  expect(keepers).toBeGreaterThan(3);
  expect(seen.filter((point) => point === 'left KeepSnapshot').length).toBeGreaterThan(2);
  expect((result as { run: { round: number } }).run.round).toBe(1);
  expect(moves).toBeGreaterThan(50);
  await verbs().restore({ store: uri, target: copy.url });
  const compared = await compareBooks(copy);
  expect(compared.differences).toEqual([]);
  expect(compared.moves).toBeLessThan(moves);
}, 180_000);

test('a handler that overstays its lifetime counts as ended by Lambda, and is tried again', async () => {
  let stayed = 0;
  await slowBackup(async (point) => {
    if (point === 'state PlanShards' && stayed++ === 0) await sleep((lambdaSeconds + 0.5) * 1000);
  });
  expect(stayed).toBe(2);
}, 120_000);

test('backup and restore fit into lifetimes of a few seconds', async () => {
  await verbs().backup({ source: bank.url, store: uri, lambdaSeconds });
  await verbs().restore({ target: copy.url, store: uri, lambdaSeconds });
  const { differences } = await compareBooks(copy);
  expect(differences).toEqual([]);
}, 120_000);
