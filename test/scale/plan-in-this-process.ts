/**
 * Runs as a process of its own, so that what it takes can be measured: `node plan-in-this-process.ts backup|restore FILE`.
 * Plans from what an earlier state left in FILE, and prints as JSON what it took and how large everything became.
 */
import { readFileSync } from 'node:fs';
import { planShards } from '../../functions/handlers/backup/plan-shards.ts';
import { leavePlan } from '../../functions/restore/leave-plan.ts';
import type { PlannedRestore } from '../../functions/restore/plan-restore.ts';
import { silence } from '../../functions/run/progress.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';

const [what = '', file = ''] = process.argv.slice(2);
const run = {
  id: '20261123T054300Z-k3f9qa',
  kind: 'backup',
  executionId: 'e',
  startedAt: '2026-11-23T05:43:00Z',
  round: 1,
};
const written = { objects: 0, largest: 0, largestOfWorker: 0 };
const facts = { key: '', size: 0, etag: '"1"' };
const store: Partial<ObjectStore> = {
  get: async () => ({ body: readFileSync(file), facts }),
  put: async (key, body) => {
    written.objects += 1;
    written.largest = Math.max(written.largest, body.length);
    if (/(?:shards\/\d+\/plan|load\/\d+).json$/.test(key))
      written.largestOfWorker = Math.max(written.largestOfWorker, body.length);
    return facts;
  },
};
const around = {
  store,
  progress: silence,
  signal: new AbortController().signal,
  remainingMs: () => Number.POSITIVE_INFINITY,
} as unknown as Surroundings;

const before = { rss: process.resourceUsage().maxRSS, cpu: process.cpuUsage() };
const state = what === 'backup' ? await planBackup() : await planRestore();
const cpu = process.cpuUsage(before.cpu);
const result = {
  ...written,
  seconds: (cpu.user + cpu.system) / 1e6,
  megabytes: process.resourceUsage().maxRSS / 1024,
  megabytesBefore: before.rss / 1024,
  shards: state.shards.length,
  stateBytes: JSON.stringify(state).length,
};
process.stdout.write(JSON.stringify(result));

async function planBackup(): Promise<{ shards: readonly number[] }> {
  const snapshot = { text: '1:1:', takenAt: run.startedAt, walPosition: null, encoding: 'UTF8' };
  const input = { run, options: { jobs: 64 }, snapshot };
  return (await planShards(input, around)) as { shards: number[] };
}

async function planRestore(): Promise<{ shards: readonly number[] }> {
  const planned = JSON.parse(readFileSync(file, 'utf8')) as PlannedRestore;
  return leavePlan(store as ObjectStore, run.id, planned, 64, silence);
}
