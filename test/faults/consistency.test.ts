import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { type KeeperOutcome, keepSnapshot } from '../../functions/snapshot/keep-snapshot.ts';
import { keeperName, lineageLock } from '../../functions/snapshot/session-names.ts';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { compareBooks, openBank, whileMoneyMoves } from './bank.ts';
import { type Watch, watchedRun } from './watched-run.ts';

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

interface Made {
  readonly run: { readonly id: string; readonly round: number };
}

/** Many shards, several workers, and somebody who may do things at the points that the backup passes. */
async function backUp(watch: Watch = () => {}): Promise<Made> {
  const input = { shardBytes: 1024 * 1024, jobs: 3 };
  const places = { source: bank.url, store: uri };
  return (await watchedRun({ machine: 'backup', places, input, watch })) as Made;
}

async function expectOneSnapshot(): Promise<number> {
  await verbs().restore({ store: uri, target: copy.url });
  const { moves, differences } = await compareBooks(copy);
  expect(differences).toEqual([]);
  return moves;
}

/** Does something the first time that a point is passed. */
function once(point: string, work: () => Promise<void>): Watch {
  let done = false;
  return async (passed) => {
    if (done || passed !== point) return;
    done = true;
    await work();
  };
}

async function asSuperuser<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const session = await superuserSession(bank.name);
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

const keepers = `SELECT pid, application_name AS name FROM pg_stat_activity
  WHERE datname = current_database() AND application_name ~ '^replicator:[^:]+:[0-9A-F]{8}-[0-9A-F]{8}-'`;

async function findKeeper(session: Session): Promise<{ pid: number; backupId: string }> {
  const [found] = await session.query<{ pid: number; name: string }>(keepers);
  if (!found) throw new Error('there is no keeper');
  return { pid: found.pid, backupId: found.name.split(':')[1] ?? '' };
}

async function endKeeper(): Promise<void> {
  await asSuperuser(async (session) => {
    const { pid } = await findKeeper(session);
    await session.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
  });
}

test('a backup made while rows and money move between tables holds what was there at one moment', async () => {
  const { moves, result } = await whileMoneyMoves(bank, () => backUp());
  expect(moves).toBeGreaterThan(20);
  expect(result.run.round).toBe(1);
  expect(await expectOneSnapshot()).toBeGreaterThan(0);
});

test.each([['left OpenSnapshot'], ['left CopyShard'], ['state ReadSequences']])(
  'a backup whose keeper is lost at "%s" starts over once, or ends with the rows of one snapshot',
  async (point) => {
    const { result } = await whileMoneyMoves(bank, () => backUp(once(point, endKeeper)));
    // Once every row is read, only sequences are: no snapshot holds those
    if (point !== 'state ReadSequences') expect(result.run.round).toBe(2);
    await expectOneSnapshot();
  },
);

test('a backup that loses its keeper twice fails, and says that the snapshot was lost', async () => {
  const lost = backUp(async (passed) => {
    if (passed === 'left OpenSnapshot') await endKeeper();
  });
  await expect(lost).rejects.toMatchObject({ code: 'SnapshotLost', exitCode: 1 });
});

test('a session that takes the name of a keeper, with a snapshot of another moment, is not read from', async () => {
  const forger = await superuserSession(bank.name);
  const { result } = await whileMoneyMoves(bank, () =>
    backUp(
      once('left OpenSnapshot', async () => {
        const { backupId } = await findKeeper(forger);
        await forge(forger, backupId);
      }),
    ),
  );
  await forger.end();
  expect(result.run.round).toBe(1);
  await expectOneSnapshot();
});

test('a session that takes the place of a lost keeper with a snapshot of another moment is found out', async () => {
  const forger = await superuserSession(bank.name);
  const { result } = await whileMoneyMoves(bank, () =>
    backUp(
      once('left OpenSnapshot', async () => {
        const { backupId } = await findKeeper(forger);
        await endKeeper();
        await forger.query('SELECT pg_advisory_lock_shared($1::int4, 4711)', [lineageLock(backupId, 1)]);
        await forge(forger, backupId);
      }),
    ),
  );
  await forger.end();
  expect(result.run.round).toBe(2);
  await expectOneSnapshot();
});

/** Everything of a keeper but its snapshot: the locks, a snapshot that can be imported, the name. */
async function forge(forger: Session, backupId: string): Promise<void> {
  await forger.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await forger.execute('LOCK TABLE checking, saving, ledger IN ACCESS SHARE MODE');
  const [exported] = await forger.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  await forger.execute(`SET application_name = '${keeperName(backupId, exported?.id ?? '')}'`);
}

test('a keeper that comes in the middle takes the snapshot over, and the backup goes on with it', async () => {
  const released = new AbortController();
  let second: Promise<KeeperOutcome> | undefined;
  const { result } = await whileMoneyMoves(bank, () =>
    backUp(async (passed) => {
      if (passed === 'left ReleaseSnapshot') released.abort();
      if (passed !== 'left OpenSnapshot' || second) return;
      const { backupId } = await asSuperuser(findKeeper);
      const opened = Promise.withResolvers<string>();
      second = keepSnapshot({
        database: await openDatabase(bank.url),
        backupId,
        round: 1,
        leaveOut: { excludeTables: [], excludeTableData: [], schemaOnly: false },
        blockedSeconds: 30,
        onYield: async () => {},
        isReleased: async () => released.signal.aborted,
        onOpened: opened.resolve,
      });
      second.catch(() => {});
      await opened.promise;
    }),
  );
  // Until it was ended: the release ends whoever keeps the snapshot then
  expect(await second).toEqual({ kind: 'released' });
  expect(result.run.round).toBe(1);
  await expectOneSnapshot();
});
