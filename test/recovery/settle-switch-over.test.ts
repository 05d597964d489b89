import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { buildOf, createBuild } from '../../functions/media/build.ts';
import { prepareSwap, swapForward } from '../../functions/media/swap.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { settleMedia } from '../../functions/recovery/settle-switch-over.ts';
import { runIdOf } from '../../functions/run/run-id.ts';
import { carriedComment, commentOn } from '../../functions/target/target-mark.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

let target: FreshDatabase;
let media: string;
let runId: string;

beforeEach(async () => {
  runId = runIdOf(randomBytes(8).toString('hex'), new Date().toISOString());
  target = await freshDatabase({ name: 'settled' });
  media = await freshFolder();
  await mkdir(join(media, 'images'));
  for (const name of ['images/a', 'b', 'c']) await writeFile(join(media, name), 'old');
  await createBuild(media, runId);
  const tree = buildOf(media, runId).tree.toString();
  await mkdir(join(tree, 'images'));
  for (const name of ['images/a', 'b', 'd']) await writeFile(join(tree, name), 'new');
});

/** What the switch-over's rename leaves: the run's name in the comment of the database in use. */
async function databaseIsSwitched(): Promise<void> {
  const session = await superuserSession(target.name);
  await session.execute(
    commentOn(
      target.name,
      carriedComment('', { runId, backupId: runId, media: true, at: new Date().toISOString() }),
    ),
  );
  await session.end();
}

const generations = async () => ({
  entries: (await readdir(media)).sort(),
  content: await readFile(join(media, 'b'), 'utf8'),
});
const old = { entries: ['b', 'c', 'images'], content: 'old' };
const fresh = { entries: ['b', 'd', 'images'], content: 'new' };

const settle = async () =>
  settleMedia(await openDatabase(target.url), media, { id: runId, keepPrevious: false });

/** The process dies at the n-th rename. */
async function dieAt(rename: number): Promise<void> {
  let count = 0;
  const { rename: move, chmod, mkdir: make } = await import('node:fs/promises');
  await swapForward(media, runId, {
    rename: async (from, to) => {
      count += 1;
      if (count === rename) throw new Error('killed');
      await move(from, to);
    },
    chmod,
    mkdir: async (path) => void (await make(path, { recursive: true })),
  }).catch(() => {});
}

describe.each([1, 2, 3, 4, 5, 6, 99])('a run that died at rename %i of its media', (rename) => {
  test('is brought forward when its database is in use', async () => {
    await prepareSwap(media, runId);
    await databaseIsSwitched();
    await dieAt(rename);
    await settle();
    expect(await generations()).toEqual(fresh);
    await settle();
    expect(await generations()).toEqual(fresh);
  });

  test('is undone when its database is not in use', async () => {
    await prepareSwap(media, runId);
    await dieAt(rename);
    await settle();
    expect(await generations()).toEqual(old);
  });
});

test('a run that died right after its database came into use is brought forward', async () => {
  await prepareSwap(media, runId);
  await databaseIsSwitched();
  await settle();
  expect(await generations()).toEqual(fresh);
});

test('a run that died while it built leaves the media as they were', async () => {
  await settle();
  expect(await generations()).toEqual(old);
});
