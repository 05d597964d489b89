import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { nautobotOf } from '../../bench/sizes/nautobot-of.ts';
import { entriesOf } from '../../functions/estimate/estimate-restore.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

/** 10 TB in 100,000 tables, eight and a half of them in one. */
const shape = nautobotOf({ bytes: 1e13, tables: 100_000 });
const program = fileURLToPath(new URL('./plan-in-this-process.ts', import.meta.url));

interface Planned {
  readonly seconds: number;
  readonly megabytes: number;
  readonly megabytesBefore: number;
  readonly shards: number;
  readonly stateBytes: number;
  readonly objects: number;
  readonly largestOfWorker: number;
}

let folder: string;

/** In a process of its own, whose heap has room for 120 MB: V8 lets it grow far beyond what it needs otherwise. */
async function plan(what: 'backup' | 'restore', earlier: unknown): Promise<Planned> {
  const file = join(folder, `${what}.json`);
  await writeFile(file, JSON.stringify(earlier));
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-old-space-size=120',
    '--max-semi-space-size=4',
    program,
    what,
    file,
  ]);
  return JSON.parse(stdout) as Planned;
}

beforeAll(async () => {
  folder = await freshFolder();
});

describe('10 TB in 100,000 tables', () => {
  test('are planned for a backup in a second or two and 300 MB', async () => {
    const rows = shape.tables.map(({ indexes: _, foreignKeys: __, ...table }) => table);
    const planned = await plan('backup', { ...snapshot, rows });
    // Seconds of CPU: other work on the machine does not count
    expect(planned.seconds).toBeLessThan(3);
    expect(planned.megabytes).toBeLessThan(330);
    expect(planned.shards).toBeGreaterThan(1_500);
    expect(planned.shards).toBeLessThanOrEqual(2_500);
    expect(planned.objects).toBe(planned.shards + 1);
    expect(planned.stateBytes).toBeLessThan(20_000);
  });

  test('are planned for a restore in a second or two and 300 MB', async () => {
    const tables = entriesOf(shape, { jobs: 64, shardBytes: 256 * 1024 ** 2, serverVersion: 160_000 });
    const planned = await plan('restore', {
      record: { backupId: '20261123T054300Z-k3f9qa', scope: 'database', media: null, notes: [] },
      manifest: { tables, media: 'none' },
    });
    expect(planned.seconds).toBeLessThan(3);
    expect(planned.megabytes).toBeLessThan(330);
    expect(planned.shards).toBeGreaterThan(5_000);
    expect(planned.shards).toBeLessThanOrEqual(10_000);
    expect(planned.objects).toBe(planned.shards + 1);
    expect(planned.stateBytes).toBeLessThan(60_000);
  });
});

const snapshot = {
  source: {
    serverVersion: '16.4',
    serverVersionNum: 160_004,
    host: 'h',
    port: 5432,
    database: 'nautobot',
    databaseOid: 1,
    systemIdentifier: null,
    standby: false,
    encoding: 'UTF8',
    localeProvider: 'libc',
    collate: 'C',
    ctype: 'C',
    locale: null,
    collationVersion: null,
    extensions: [],
    migrations: null,
  },
  definitionOnly: [],
  leftOut: [],
  unfilled: [],
  sequences: [],
  positions: [],
  notes: [],
};
