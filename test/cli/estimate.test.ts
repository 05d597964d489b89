import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pricesOf } from '../../functions/estimate/prices.ts';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';
import { cliInProcess, documentOf } from './run-cli.ts';

let source: FreshDatabase;
let bucket: FreshBucket;
let folder: string;

beforeAll(async () => {
  [source, bucket, folder] = await Promise.all([
    freshDatabase({ name: 'source', template: 'nautobot_31' }),
    freshBucket(),
    freshFolder(),
  ]);
  Object.assign(process.env, bucket.env);
});

const run = (...args: string[]) => cliInProcess(['estimate', '--source', source.url, ...args]);

async function estimated(...args: string[]) {
  const { code, stdout, stderr } = await run('--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout).estimate;
}

async function bytesOfTables(condition = 'true'): Promise<number> {
  const session = await superuserSession(source.name);
  const [row] = await session.query<{ bytes: string }>(
    `SELECT sum(pg_table_size(c.oid)) AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname = 'public' AND ${condition}`,
  );
  await session.end();
  return Number(row?.bytes);
}

describe('estimate', () => {
  test('prints what a run takes, what a month costs, and what is not counted', async () => {
    const media = await mediaFixture('nautobot-3.1');
    const { code, stdout, stderr } = await run('--media', media, '--jobs', '4', '--region', 'us-east-1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`An estimate for ${source.name} on `);
    expect(stdout).toMatch(
      /229 tables of \S+ MB \(heap and TOAST\), about \S+ MB as text; media: 52 files, \S+ kB/,
    );
    expect(stdout).toMatch(/ {2}A RUN +BACKUP +RESTORE\n {2}time +\S+ s +\S+ s\n/);
    expect(stdout).toMatch(
      / {2}A MONTH +list prices of us-east-1, \d{4}-\d\d\n {2}backups +\S+ USD {2}30 backups\n/,
    );
    expect(stdout).toMatch(/\nNot counted: traffic/);
  });

  test('counts the bytes of the tables whose rows a backup would hold', async () => {
    const whole = await estimated();
    expect(whole.tableBytes).toBe(await bytesOfTables());
    expect(whole.media).toBeNull();
    const less = await estimated('--exclude-table-data', 'extras_*', '--exclude-table', 'silk_*');
    expect(less.tableBytes).toBe(await bytesOfTables("c.relname !~ '^(extras|silk)_'"));
    expect(less.backup.storedBytes).toBeLessThan(whole.backup.storedBytes);
    expect(less.definitionOnly).toBeGreaterThan(10);
  });

  test('goes by the newest backup where one is given', async () => {
    const store = bucket.uri('compared');
    const made = await cliInProcess(['backup', '--source', source.url, '--store', store, '--json']);
    const { backupId, rowBytes, files } = documentOf(made).backup;
    const { ratiosFrom, backup } = await estimated('--store', store);
    expect(ratiosFrom).toBe(backupId);
    expect(Math.abs(backup.textBytes / rowBytes - 1)).toBeLessThan(0.01);
    const stored = files.find(({ name }: { name: string }) => name === 'database.sql.zst').bytes;
    expect(backup.storedBytes).toBeGreaterThan(0.5 * stored);
    expect(backup.storedBytes).toBeLessThan(stored);
  });

  test('says so where the store has no backup yet', async () => {
    const { ratiosFrom } = await estimated('--store', bucket.uri('nothing-here'));
    expect(ratiosFrom).toBeNull();
  });

  test('counts a month with the runs and the backups kept that are asked for', async () => {
    const few = await estimated('--backups-a-month', '4', '--restores-a-month', '0', '--keep', '2');
    const { cost, backups, restores, kept } = few.month;
    expect({ backups, restores, kept, forRestores: cost.restores }).toEqual({
      backups: 4,
      restores: 0,
      kept: 2,
      forRestores: 0,
    });
    expect(cost.backups).toBeCloseTo(4 * few.backup.cost.total, 10);
    expect(cost.storedBytes).toBe(2 * few.backup.storedBytes);
    expect(cost.total).toBeCloseTo(cost.backups + cost.restores + cost.storage, 10);
  });

  test('takes prices from a file, and says which field of it does not fit', async () => {
    const file = join(folder, 'prices.json');
    const own = { ...pricesOf('us-east-1'), region: 'ours', currency: 'EUR' };
    await writeFile(file, JSON.stringify(own));
    const { stdout } = await run('--prices', file);
    expect(stdout).toMatch(/ EUR/);
    expect(stdout).not.toContain('USD');
    await writeFile(file, JSON.stringify({ ...own, lambda: { gbSecond: 'cheap' } }));
    const wrong = await run('--prices', file);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/--prices: .*prices\.json does not fit:[\s\S]*lambda\.gbSecond/);
    const missing = await run('--prices', join(folder, 'none.json'));
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("can't be read (ENOENT)") });
  });

  test('takes those of us-east-1 for a region whose prices it does not know, and says so', async () => {
    const { stdout } = await run('--region', 'mars-north-1');
    expect(stdout).toMatch(
      /note: the prices of mars-north-1 are not known here: those of us-east-1 are taken/,
    );
  });

  test('refuses what is no number of backups, and a pattern that matches nothing', async () => {
    const { code, stderr } = await run('--keep', 'some');
    expect(code).toBe(2);
    expect(stderr).toContain('--keep: "some" is not a number from 0 to 100000');
    expect(await run('--exclude-table-data', 'no_such_table')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(PatternMatchesNothing)'),
    });
  });

  test('says that it has to wait where a table is being rewritten', async () => {
    const session = await superuserSession(source.name);
    try {
      await session.execute('BEGIN');
      await session.execute('LOCK TABLE dcim_device');
      const { code, stderr } = await run();
      expect(stderr).toMatch(/holds a table exclusively, .*\(SnapshotBlocked\)/);
      expect(code).toBe(1);
    } finally {
      await session.end();
    }
    expect(await run()).toMatchObject({ code: 0 });
  });

  test('leaves nothing behind: no session, no object', async () => {
    await run('--store', bucket.uri('untouched'));
    const session = await superuserSession(source.name);
    const sessions = await session.query(
      "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'replicator:estimate%'",
    );
    await session.end();
    expect(sessions).toEqual([]);
    const listed = await cliInProcess(['list', '--store', bucket.uri('untouched')]);
    expect(listed.stdout).toContain('no backups');
  });
});
