import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { cliInProcess } from '../cli/run-cli.ts';
import { backedUp } from '../faults/backed-up.ts';
import { type InUse, inUse } from '../faults/in-use.ts';
import { type SmallNautobot, smallNautobot } from '../faults/small-nautobot.ts';
import { databasesLeft, leftInStore, mediaLeft, sessionsLeft } from '../faults/what-is-left.ts';
import { superuserSession } from '../servers/fresh-database.ts';

let uri: string;
let fresh: InUse;
beforeAll(async () => {
  ({ uri, fresh } = await backedUp('undo_source', 300));
});

async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cliInProcess(args);
  expect(code, stderr).toBe(0);
  return stdout;
}

const restore = ({ database, media }: SmallNautobot, ...more: string[]) =>
  done('restore', '--store', uri, '--target', database.url, '--media', media, '--yes', ...more);
const undoArgs = ({ database, media }: SmallNautobot, ...more: string[]) => [
  ...['undo', '--target', database.url, '--media', media, ...more],
];
const undo = (target: SmallNautobot, ...more: string[]) => done(...undoArgs(target, '--yes', ...more));
const listed = async (target: SmallNautobot) =>
  JSON.parse(await done(...undoArgs(target, '--list', '--json'))).kept;

async function query(database: string, sql: string): Promise<Record<string, unknown>[]> {
  const session = await superuserSession(database);
  try {
    return await session.query(sql);
  } finally {
    await session.end();
  }
}

const onDatabase = (name: string) =>
  query(
    name,
    `SELECT datacl::text AS acl, datconnlimit AS limit, shobj_description(oid, 'pg_database') AS comment
       FROM pg_database WHERE datname = current_database()`,
  );

test('an undo brings database and media back, another one takes that back, and a restore goes on from there', async () => {
  const target = await smallNautobot('undone', 10);
  const old = await inUse(target);
  await restore(target, '--keep-previous');
  expect(await inUse(target)).toEqual(fresh);
  // What was said of the target since then stays with it
  await query(target.database.name, `ALTER DATABASE "${target.database.name}" CONNECTION LIMIT 41`);

  const first = await undo(target);
  expect(first).toMatch(/is again as it was before any restore, with its media\n {2}switched over within/);
  expect(await inUse(target)).toEqual(old);
  const [row] = await onDatabase(target.database.name);
  expect(row).toMatchObject({ limit: 41 });
  expect(row?.comment).toMatch(
    /^replicator: restore target since \S+\nreplicator: restored by run \S+ undoing run \S+ at \S+ with its media$/,
  );
  const { current, kept } = await listed(target);
  expect(kept).toMatchObject([
    { runId: current.runId, isLast: true, media: true, restored: { media: true } },
  ]);

  expect(await undo(target)).toMatch(/is again backup \S+, in use since/);
  expect(await inUse(target)).toEqual(fresh);
  await undo(target, '--store', uri);
  expect(await inUse(target)).toEqual(old);
  expect(await databasesLeft(target.database)).toHaveLength(1);
  expect(await mediaLeft(target.media)).toHaveLength(1);

  await restore(target);
  expect(await inUse(target)).toEqual(fresh);
  await undo(target, '--drop', 'all');
  expect(await databasesLeft(target.database)).toEqual([]);
  expect(await mediaLeft(target.media)).toEqual([]);
  expect(await sessionsLeft(target.database)).toEqual([]);
  expect(await leftInStore(uri)).toEqual([]);
});

test('of several that are kept the last comes back, or the one that is named; --drop-previous leaves the newest', async () => {
  const target = await smallNautobot('several', 10);
  const old = await inUse(target);
  await restore(target, '--keep-previous');
  await query(target.database.name, "INSERT INTO device (name) VALUES ('made on staging')");
  await writeFile(join(target.media, 'made-on-staging.txt'), 'x');
  const second = await inUse(target);
  const out = await restore(target, '--keep-previous');
  expect(out).toMatch(/note: databases of 1 earlier runs are kept, \S+ MB: remove them with --drop-previous/);
  const { kept } = await listed(target);
  expect(kept.map(({ isLast }: { isLast: boolean }) => isLast)).toEqual([true, false]);

  await undo(target, '--run', kept[1].runId);
  expect(await inUse(target)).toEqual(old);
  await undo(target, '--run', kept[0].runId);
  expect(await inUse(target)).toEqual(second);

  await restore(target, '--keep-previous', '--drop-previous');
  expect(await databasesLeft(target.database)).toHaveLength(1);
  expect(await mediaLeft(target.media)).toHaveLength(1);
  await undo(target);
  expect(await inUse(target)).toEqual(second);
  await undo(target, '--drop', (await listed(target)).kept[0].runId);
  expect(await databasesLeft(target.database)).toEqual([]);
});

test('an undo is refused with what to do where nothing is kept, media are forgotten, or nobody says yes', async () => {
  const target = await smallNautobot('refused', 10);
  await done('allow-target', target.database.url);
  const refusal = async (...args: string[]) => {
    const { code, stderr } = await cliInProcess(args);
    return `${code} ${stderr}`;
  };
  expect(await refusal(...undoArgs(target, '--yes'))).toMatch(
    /^2 .*as it was before any restore, there is nothing to undo; nothing else is kept either.*\(NothingKept\)/s,
  );
  await restore(target);
  expect(await refusal(...undoArgs(target, '--yes'))).toMatch(
    /^2 .*what was in use before run \S+ was not kept; .*--keep-previous.*\(NothingKept\)/s,
  );
  await query(target.database.name, 'DELETE FROM device');
  await restore(target, '--keep-previous');
  expect(await refusal('undo', '--target', target.database.url, '--yes')).toMatch(
    /^2 .*exchanged the media along with the database: give --media DIR, or .*--without-media.*\(UsageError\)/s,
  );
  expect(await refusal(...undoArgs(target))).toMatch(
    /^3 .*Bring back what was in use.*--yes \(NotConfirmed\)/s,
  );
  expect(await refusal(...undoArgs(target, '--run', '20200101T000000Z-abcdef'))).toMatch(
    /^2 .*has kept no database; kept are those of .*--run ID \(NothingKept\)/s,
  );
  process.env.REPLICATOR_ALLOWED_TARGETS = 'elsewhere/*';
  try {
    expect(await refusal(...undoArgs(target, '--yes'))).toMatch(/^3 .*\(TargetNotListed\)/s);
  } finally {
    delete process.env.REPLICATOR_ALLOWED_TARGETS;
  }
  expect(await inUse(target)).toEqual(fresh);
  await done('undo', '--target', target.database.url, '--without-media', '--yes');
  expect((await inUse(target)).files).toEqual(fresh.files);
  expect((await inUse(target)).rows).not.toEqual(fresh.rows);
});
