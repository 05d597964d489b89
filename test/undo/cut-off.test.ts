import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReplicatorError } from '../../functions/errors/replicator-error.ts';
import { createBuild } from '../../functions/media/build.ts';
import { findLeftovers, removePrevious } from '../../functions/media/finish.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { settleMedia } from '../../functions/recovery/settle-switch-over.ts';
import { settleUndos } from '../../functions/recovery/settle-undo.ts';
import { switchOver } from '../../functions/restore/switch-over.ts';
import type { RunId } from '../../functions/run/run-id.ts';
import { cleanUpTarget } from '../../functions/target/clean-up-target.ts';
import { hiddenDatabaseName, previousDatabaseName } from '../../functions/target/names.ts';
import type { Rebuild } from '../../functions/target/rebuild.ts';
import { markTarget } from '../../functions/target/target-mark.ts';
import { withSessionBeside } from '../../functions/undo/find-kept.ts';
import { planUndo } from '../../functions/undo/plan-undo.ts';
import { undo } from '../../functions/undo/undo.ts';
import { withSession } from '../definitions/load-definitions.ts';
import { Death, Mortality } from '../faults/mortality.ts';
import { databasesLeft, mediaLeft } from '../faults/what-is-left.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { newRunId } from '../target/restore-steps.ts';

let target: FreshDatabase;
let handle: Database;
let media: string;

beforeAll(async () => {
  target = await freshDatabase({ name: 'cut_off' });
  handle = await openDatabase(target.url);
  media = await freshFolder();
  await generation(target.name, 'old');
  await fill(media, 'old');
  await markTarget(handle);
});
afterAll(async () => {
  for (const name of await databasesLeft(target)) await superuser(`DROP DATABASE "${name}" WITH (FORCE)`);
  await target.drop();
});

const signal = new AbortController().signal;

/** A life for each change is many; on an idle machine it is seconds. */
const patience = 300_000;

async function superuser(sql: string, database?: string): Promise<void> {
  const session = await superuserSession(database);
  try {
    await session.execute(sql);
  } finally {
    await session.end();
  }
}

const generation = (database: string, name: string) =>
  superuser(`CREATE TABLE generation AS SELECT '${name}' AS name`, database);

/** An entry of a name that both generations have, one of its own, a folder, and one that may not be written to. */
async function fill(folder: string, name: string): Promise<void> {
  await writeFile(join(folder, 'both.txt'), name);
  await writeFile(join(folder, `only-${name}.txt`), name);
  await mkdir(join(folder, 'locked'));
  await writeFile(join(folder, 'locked', 'inside.txt'), name);
}

/** Which generation is in use: of the database, and of each file. */
async function inUse(): Promise<string[]> {
  const rows = await withSession(target.url, (session) =>
    session.query<{ name: string }>('SELECT name FROM generation'),
  );
  const names = (await readdir(media)).filter((name) => !name.startsWith('.replicator')).sort();
  const [both, inside] = await Promise.all([
    readFile(join(media, 'both.txt'), 'utf8'),
    readFile(join(media, 'locked', 'inside.txt'), 'utf8'),
  ]);
  return [String(rows[0]?.name), both, inside, ...names];
}

const whole = (name: string) => [name, name, name, 'both.txt', 'locked', `only-${name}.txt`];

/** What VerifyRestore lets through: a database and a media tree beside those in use. */
async function built(): Promise<Rebuild> {
  const runId = newRunId();
  const rebuild = {
    runId,
    target: target.name,
    hidden: hiddenDatabaseName(target.name, runId),
    previous: previousDatabaseName(target.name, runId),
    databaseOwner: 'postgres',
    objectOwner: 'postgres',
  };
  await superuser(`CREATE DATABASE "${rebuild.hidden}" TEMPLATE template0`);
  await generation(rebuild.hidden, 'new');
  await createBuild(media, runId);
  await fill(join(media, `.replicator-${runId}`, 'tree'), 'new');
  return rebuild;
}

/** Does something that ends at its n-th change, for every n until it comes through. */
async function dyingEverywhere(
  work: (database: Database) => Promise<unknown>,
  afterwards: (diedAt: string) => Promise<void>,
  how: { readonly once?: boolean } = {},
): Promise<number> {
  for (let at = 1; ; at++) {
    const life = new Mortality(at, how);
    const error = await life
      .during(() => work(life.database(handle)))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    if (life.diedAt === undefined) {
      if (error) throw error;
      return at - 1;
    }
    // What cannot be put away after both are in use is a note; everything else is the end
    if (error !== undefined) expect(error, life.diedAt).toBeInstanceOf(how.once ? ReplicatorError : Death);
    await afterwards(life.diedAt);
  }
}

test(
  'a restore killed at any change of its switch-over leaves the old or the new, whole, and an undo works',
  async () => {
    await startFrom('old');
    let rebuild = await built();
    const changes = await dyingEverywhere(
      (database) =>
        switchOver(database, rebuild, {
          backupId: rebuild.runId,
          media,
          keepPrevious: true,
          dropPrevious: false,
          signal,
        }),
      async (diedAt) => {
        await settleMedia(handle, media, { id: rebuild.runId, keepPrevious: true });
        await cleanUpTarget(handle, { runId: rebuild.runId, keepPrevious: true });
        const now = await inUse();
        expect(now, diedAt).toBeOneOf([whole('old'), whole('new')]);
        if (now[0] === 'new') {
          await undo(handle, { runId: newRunId(), undoes: rebuild.runId, media, signal });
          expect(await inUse(), diedAt).toEqual(whole('old'));
          await forgetKept();
        }
        expect(await databasesLeft(target), diedAt).toEqual([]);
        expect(await mediaLeft(media), diedAt).toEqual([]);
        rebuild = await built();
      },
    );
    expect(changes).toBeGreaterThan(30);
    expect(await inUse()).toEqual(whole('new'));
  },
  patience,
);

test(
  'an undo killed at any of its changes leaves the old or the new, whole, and the next one works',
  async () => {
    await startFrom('new');
    let [runId, undoes]: [RunId, RunId] = [newRunId(), (await plan()).kept.runId];
    let [before, after] = ['new', 'old'];
    let way = 0;
    const changes = await dyingEverywhere(
      (database) => undo(database, { runId, undoes, media, signal }),
      async (diedAt) => {
        // What comes next ends it: another undo, or a restore
        if (way++ % 2 === 0) await plan();
        else await withSession(target.url, (session) => settleUndos(handle, session, media));
        const now = await inUse();
        expect(now, diedAt).toBeOneOf([whole(before), whole(after)]);
        expect(await databasesLeft(target), diedAt).toHaveLength(1);
        expect(await mediaLeft(media), diedAt).toHaveLength(1);
        if (now[0] === after) [before, after] = [after, before];
        undoes = (await plan()).kept.runId;
        runId = newRunId();
      },
    );
    expect(changes).toBeGreaterThan(30);
    expect(await inUse()).toEqual(whole(after));
  },
  patience,
);

test(
  'an undo of which any one change fails leaves the old or the new, whole, without anybody’s help',
  async () => {
    await startFrom('new');
    let [runId, undoes]: [RunId, RunId] = [newRunId(), (await plan()).kept.runId];
    const changes = await dyingEverywhere(
      (database) => undo(database, { runId, undoes, media, signal }),
      async (diedAt) => {
        expect(await inUse(), diedAt).toBeOneOf([whole('old'), whole('new')]);
        const next = await plan();
        expect(next.finished, diedAt).toEqual([]);
        expect(next.kept.media, diedAt).toBe(true);
        [runId, undoes] = [newRunId(), next.kept.runId];
      },
      { once: true },
    );
    expect(changes).toBeGreaterThan(30);
  },
  patience,
);

function plan() {
  return withSessionBeside(handle, newRunId(), signal, (session) =>
    planUndo(session, {
      runId: newRunId(),
      target: handle,
      undoes: undefined,
      media,
      withoutMedia: false,
      allowedTargets: undefined,
      signal,
    }),
  );
}

/** One generation in use, and for the new one the old one kept. */
async function startFrom(name: 'old' | 'new'): Promise<void> {
  const now = (await inUse())[0];
  if (now === 'new')
    await undo(handle, { runId: newRunId(), undoes: (await plan()).kept.runId, media, signal });
  await forgetKept();
  if (name === 'old') return;
  const rebuild = await built();
  await switchOver(handle, rebuild, {
    backupId: rebuild.runId,
    media,
    keepPrevious: true,
    dropPrevious: false,
    signal,
  });
}

async function forgetKept(): Promise<void> {
  for (const name of await databasesLeft(target)) await superuser(`DROP DATABASE "${name}" WITH (FORCE)`);
  for (const { runId } of await findLeftovers(media)) await removePrevious(media, runId);
}
