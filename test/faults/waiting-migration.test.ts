import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, inject, test } from 'vitest';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { watchedRun } from './watched-run.ts';
import { leftInStore, sessionsLeft } from './what-is-left.ts';

const blockedSeconds = 1;
/** What ending sessions takes on a machine that has other things to do. */
const aLittleMs = 1500;

let source: FreshDatabase;
let uri: string;
beforeEach(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await freshDatabase({ name: 'migrated' });
  uri = (await freshBucket()).uri();
  const session = await superuserSession(source.name);
  await session.execute(
    'CREATE TABLE site AS SELECT g AS id FROM generate_series(1, 100) g; CREATE TABLE other AS TABLE site',
  );
  await session.end();
});

/** Milliseconds that a migration, and a reader behind it, waited for the backup. */
async function migrate(column: string): Promise<{ migration: number; reader: number }> {
  const [migration, reader] = await Promise.all([
    superuserSession(source.name),
    superuserSession(source.name),
  ]);
  const timed = async (work: Promise<unknown>) => {
    const began = performance.now();
    await work;
    return performance.now() - began;
  };
  try {
    const altered = timed(migration.execute(`ALTER TABLE site ADD COLUMN ${column} int DEFAULT 7`));
    await sleep(50);
    const read = timed(reader.query('SELECT count(*) FROM site'));
    return { migration: await altered, reader: await read };
  } finally {
    await Promise.all([migration.end(), reader.end()]);
  }
}

/** A backup in whose first rounds a migration comes between its snapshot and its rows. */
function backUp(migrations: number, waits: { migration: number; reader: number }[]) {
  return watchedRun({
    machine: 'backup',
    places: { source: source.url, store: uri },
    input: { blockedSeconds },
    watch: async (point) => {
      if (point === 'left OpenSnapshot' && waits.length < migrations)
        waits.push(await migrate(`added_${waits.length}`));
    },
  });
}

test('a migration that waits for the backup gets its turn within the bound, and the backup starts over once', async () => {
  const waits: { migration: number; reader: number }[] = [];
  const made = await backUp(1, waits);
  expect(made).toMatchObject({ run: { round: 2 } });
  expect(waits).toHaveLength(1);
  expect(waits[0]?.migration).toBeLessThan(blockedSeconds * 1000 + aLittleMs);
  expect(waits[0]?.reader).toBeLessThan(blockedSeconds * 1000 + aLittleMs);
  expect(await leftInStore(uri)).toEqual([]);

  const target = await freshDatabase({ name: 'migrated_copy' });
  await verbs().restore({ store: uri, target: target.url });
  const session = await superuserSession(target.name);
  const [sum] = await session.query('SELECT count(*)::int AS rows, sum(added_0)::int AS added FROM site');
  await session.end();
  expect(sum).toEqual({ rows: 100, added: 700 });
});

test('a backup that a second migration waits for gives way again, and fails', async () => {
  const waits: { migration: number; reader: number }[] = [];
  await expect(backUp(2, waits)).rejects.toMatchObject({ code: 'BackupYielded', exitCode: 1 });
  expect(waits).toHaveLength(2);
  for (const { reader } of waits) expect(reader).toBeLessThan(blockedSeconds * 1000 + aLittleMs);
  expect(await leftInStore(uri)).toEqual([]);
  expect(await sessionsLeft(source)).toEqual([]);
});
