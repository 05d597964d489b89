import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { RunDisplay } from '../../cli/progress/run-display.ts';
import { type Places, surroundingsOf } from '../../cli/surroundings.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Progress } from '../../functions/run/progress.ts';
import { compareDatabases } from '../../local/compare-databases.ts';
import { differingPaths, readFolder } from '../../local/compare-folders.ts';
import { beatingHandlers } from '../../local/heartbeat.ts';
import { runMachine } from '../../local/run-machine.ts';
import { threadedHandlers, threadsFor } from '../../local/threads/threaded-handlers.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';

beforeAll(() => void Object.assign(process.env, inject('servers').s3.env));

const amounts = { bytes: 0, rows: 0, files: 0 };
const counting: Progress = {
  advance({ bytes = 0, rows = 0, files = 0 }) {
    amounts.bytes += bytes;
    amounts.rows += rows;
    amounts.files += files;
  },
  expect() {},
  warn() {},
  measure() {},
};

/** As the command line runs a machine, with the workers on two threads. */
async function onThreads(
  machine: 'backup' | 'restore',
  places: Places,
  signal = new AbortController().signal,
): Promise<unknown> {
  const quiet = { stdout: process.stderr, stderr: process.stderr, environment: process.env, signal };
  const display = new RunDisplay(quiet, true);
  const surroundings = {
    ...(await surroundingsOf({ yes: true, ...places }, quiet, display)),
    progress: counting,
  };
  const beating = beatingHandlers();
  const { handlers, end } = threadedHandlers(beating.handlers, places, 2);
  try {
    return await runMachine(
      machine,
      { jobs: 4, ...(machine === 'backup' && { shardBytes: 1024 * 1024 }) },
      { handlers, surroundingsFor: () => surroundings, signal },
    );
  } finally {
    beating.stop();
    await end();
    display.end();
  }
}

describe('workers on threads', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  let media: string;
  let uri: string;
  beforeAll(async () => {
    source = await freshDatabase({ template: 'nautobot_31' });
    target = await freshDatabase();
    media = await mediaFixture('nautobot-3.1');
    uri = (await freshBucket()).uri();
  });
  afterAll(async () => {
    await source.drop();
    await target.drop();
  });

  test('back up and restore the same as on one, and tell how far they are', async () => {
    const targetMedia = await freshFolder();
    await onThreads('backup', { source: source.url, store: uri, sourceMedia: media });
    expect(amounts.rows).toBeGreaterThan(1000);
    expect(amounts.files).toBeGreaterThan(0);
    await onThreads('restore', { target: target.url, store: uri, targetMedia });
    const { tables, definitions, sequences, sameRows } = await compareDatabases(
      await openDatabase(source.url),
      await openDatabase(target.url),
    );
    expect({ tables, definitions, sequences }).toEqual({ tables: [], definitions: [], sequences: [] });
    expect(sameRows).toBeGreaterThan(1000);
    expect(differingPaths(await readFolder(media), await readFolder(targetMedia))).toEqual([]);
  });

  test('fail with the error of the handler, its code and exit code', async () => {
    const missing = new Error('never');
    const { handlers, end } = threadedHandlers({}, { store: uri, source: source.url }, 1);
    const bad =
      handlers.CopyShard?.({ shard: 0 }, {
        signal: new AbortController().signal,
        remainingMs: () => Number.POSITIVE_INFINITY,
        progress: counting,
      } as never) ?? Promise.reject(missing);
    await expect(bad).rejects.toMatchObject({ code: 'InvalidInput', exitCode: 2, name: 'InvalidInput' });
    await end();
  });

  test('end when the run is aborted, and leave nothing', async () => {
    const abort = new AbortController();
    const store = (await freshBucket()).uri();
    const running = onThreads('backup', { source: source.url, store, sourceMedia: media }, abort.signal);
    setTimeout(() => abort.abort(new Error('enough')), 900);
    await expect(running).rejects.toThrow(/interrupted|enough/);
    const session = await superuserSession(source.name);
    const left = await session.query(
      `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'replicator:%' AND datname = current_database()`,
    );
    await session.end();
    expect(left).toEqual([]);
  });
});

test('threads are for machines with processors to spare and for several workers', () => {
  expect(threadsFor(16, 16)).toBe(16);
  expect(threadsFor(16, 8)).toBe(8);
  expect(threadsFor(2, 16)).toBe(0);
  expect(threadsFor(8, 2)).toBe(0);
});
