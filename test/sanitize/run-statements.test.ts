import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { SanitizeFailed } from '../../functions/sanitize/errors.ts';
import { runStatements } from '../../functions/sanitize/run-statements.ts';
import { cleanUpTarget } from '../../functions/target/clean-up-target.ts';
import { withSession } from '../definitions/load-definitions.ts';
import {
  type FreshDatabase,
  freshDatabase,
  freshRole,
  serverUrl,
  superuserSession,
} from '../servers/fresh-database.ts';
import { type RestoreUnderTest, restoreSteps } from '../target/restore-steps.ts';
import { smallSource } from '../target/small-source.ts';
import type { SourceContents } from '../target/source-database.ts';

let source: FreshDatabase;
let contents: SourceContents;
let target: FreshDatabase;
let handle: Database;
let restore: RestoreUnderTest;

beforeAll(async () => {
  const small = await smallSource();
  source = small.database;
  contents = small.contents;
  const role = await freshRole({ name: 'staging', createdb: true });
  target = await freshDatabase({ name: 'sanitized', owner: role.name });
  handle = await openDatabase(target.urlAs(role));
});
beforeEach(async () => {
  restore = restoreSteps(handle, contents);
  for (const step of restore.steps.slice(0, 3)) await step.run();
});
afterEach(async () => {
  await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
});
afterAll(async () => {
  await source.drop();
  await target.drop();
});

const query = (sql: string) =>
  withSession(serverUrl(restore.rebuild().hidden), (session) => session.query(sql));

test('statements run once, tell their rows, and verification counts what they left', async () => {
  const statements = [
    "UPDATE secret SET token = 'x' || id;",
    'DELETE FROM secret WHERE id > 10',
    'TRUNCATE device; -- nobody refers to it yet',
    "SELECT 'it''s a \\ quote'",
  ];
  const outcome = await runStatements(handle, restore.rebuild(), statements, { jobs: 2 });
  expect(outcome?.statements.map(({ rows }) => rows)).toEqual([10_000, 9_990, 0, 1]);
  expect(outcome?.touched).toEqual([
    { schema: 'public', name: 'device', rows: 0 },
    { schema: 'public', name: 'secret', rows: 10 },
  ]);
  expect(await runStatements(handle, restore.rebuild(), statements, { jobs: 2 })).toEqual(outcome);
  expect(await query('SELECT count(*)::int AS n, min(token) AS token FROM secret')).toEqual([
    { n: 10, token: 'x1' },
  ]);
});

test('a restore with statements comes through to its verification', async () => {
  const other = restoreSteps(handle, contents, { sanitize: ['DELETE FROM secret WHERE id > 10'] });
  try {
    for (const step of other.steps) {
      await step.run();
      if (step.name === 'verify') break;
    }
    expect(other.verified().rows).toBe(530);
  } finally {
    await cleanUpTarget(handle, { runId: other.runId, keepPrevious: false });
  }
});

test('no page of a table keeps the old version of a row, whatever other transactions the server has', async () => {
  // In another database, and older than what is sanitised
  const other = await superuserSession();
  await other.execute('BEGIN');
  await other.query('SELECT txid_current()');
  await runStatements(handle, restore.rebuild(), ["UPDATE secret SET token = 'masked'"], { jobs: 2 });
  await query('CREATE EXTENSION pageinspect');
  const pages = await query(
    `SELECT count(*)::int AS n FROM generate_series(0, pg_relation_size('secret') / 8192 - 1) AS p (n)
      WHERE position('token-'::bytea IN get_raw_page('secret', p.n::int)) > 0`,
  );
  expect(pages).toEqual([{ n: 0 }]);
  expect(
    await query("SELECT relpersistence AS p FROM pg_class WHERE relname IN ('secret', 'device')"),
  ).toEqual([{ p: 'p' }, { p: 'p' }]);
  await other.end();
});

test('a statement that fails is named, and nothing of the others stays', async () => {
  const statements = ['DELETE FROM secret', "UPDATE no_such_table SET a = 'b'"];
  const failed = runStatements(handle, restore.rebuild(), statements, { jobs: 2 });
  await expect(failed).rejects.toThrow(SanitizeFailed);
  await expect(failed).rejects.toThrow(/no_such_table.*: UPDATE no_such_table SET a = 'b'/);
  expect(await query('SELECT count(*)::int AS n FROM secret')).toEqual([{ n: 10_000 }]);
});

test('a statement can not end the transaction by itself', async () => {
  const failed = runStatements(handle, restore.rebuild(), ['DELETE FROM secret', 'COMMIT'], { jobs: 2 });
  await expect(failed).rejects.toThrow(SanitizeFailed);
  expect(await query('SELECT count(*)::int AS n FROM secret')).toEqual([{ n: 10_000 }]);
});
