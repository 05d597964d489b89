import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DefinitionsFailed } from '../../functions/definitions/errors.ts';
import { runPgDump } from '../../functions/definitions/run-pg-dump.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { ConnectionLost } from '../../functions/postgres/errors.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { freshDatabase } from '../servers/fresh-database.ts';
import { withSession } from './load-definitions.ts';

const sections = ['--section=pre-data', '--restrict-key=key'];

async function connected(url: string, applicationName = 'run-pg-dump test'): Promise<Session> {
  return (await openDatabase(url)).connect({ applicationName });
}

/** Sessions of one name that the server still has. */
function sessionsNamed(url: string, applicationName: string): Promise<number> {
  return withSession(url, async (session) => {
    const rows = await session.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [
      applicationName,
    ]);
    return rows.length;
  });
}

test('pg_dump writes what the server holds, and nothing that the server could not have sent', async () => {
  const database = await freshDatabase();
  await withSession(database.url, (session) => session.execute('CREATE TABLE "größe" (a int)'));
  const { text, warnings } = await runPgDump((await connected(database.url)).takeOver(), sections);
  expect(text.toString()).toContain('CREATE TABLE public."größe" (');
  expect(text.toString().startsWith('--\n-- PostgreSQL database dump\n--\n\n\\restrict key\n')).toBe(true);
  expect(warnings).toEqual([]);
  await database.drop();
});

test('an option that pg_dump does not know fails with its own words', async () => {
  const database = await freshDatabase();
  const failed = runPgDump((await connected(database.url)).takeOver(), ['--no-such-option']);
  await expect(failed).rejects.toThrow(DefinitionsFailed);
  await expect(failed).rejects.toThrow(/no-such-option/);
  await database.drop();
});

test('what the server refuses fails with its own words, in bounds', async () => {
  const database = await freshDatabase();
  const failed = runPgDump((await connected(database.url)).takeOver(), [
    ...sections,
    '--snapshot=00000003-0000001B-1',
  ]);
  await expect(failed).rejects.toThrow(DefinitionsFailed);
  await expect(failed).rejects.toThrow(/snapshot "00000003-0000001B-1" does not exist/);
  await database.drop();
});

test('warnings of a dump that succeeds are kept', async () => {
  const database = await freshDatabase();
  await withSession(database.url, async (session) => {
    // An aggregate's transition function that is no more makes pg_dump complain and go on
    await session.execute(
      'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY REFERENCES a)',
    );
    await session.execute('ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b');
  });
  const { warnings } = await runPgDump((await connected(database.url)).takeOver(), [
    '--data-only',
    '--restrict-key=key',
  ]);
  expect(warnings.join('\n')).toMatch(/pg_dump: warning: there are circular foreign-key constraints/);
  await database.drop();
});

test('a session that the server ends is a lost connection, not a short dump', async () => {
  const database = await freshDatabase({ template: 'nautobot_31' });
  const session = await connected(database.url);
  const { processId } = session;
  const running = runPgDump(session.takeOver(), sections);
  const ended = withSession(database.url, async (killer) => {
    await sleep(60);
    await killer.query('SELECT pg_terminate_backend($1)', [processId]);
  });
  await expect(running).rejects.toThrow(ConnectionLost);
  await ended;
  await database.drop();
});

test.each([0, 5, 60, 150])('an abort after %i ms ends the worker and the session', async (ms) => {
  const database = await freshDatabase({ template: 'nautobot_31' });
  const name = `abort-${ms}-${Date.now()}`;
  const abort = new AbortController();
  const session = await connected(database.url, name);
  const running = runPgDump(session.takeOver(), sections, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), ms);
  await expect(running).rejects.toThrow('enough');
  for (let tries = 0; tries < 100 && (await sessionsNamed(database.url, name)) > 0; tries++) await sleep(20);
  expect(await sessionsNamed(database.url, name)).toBe(0);
  await database.drop();
});

test('waiting for a lock has an end', async () => {
  const database = await freshDatabase();
  await withSession(database.url, async (blocker) => {
    await blocker.execute('CREATE TABLE locked ()');
    await blocker.execute('BEGIN; LOCK TABLE locked');
    const waiting = runPgDump((await connected(database.url)).takeOver(), [
      ...sections,
      '--lock-wait-timeout=200',
    ]);
    await expect(waiting).rejects.toThrow(/statement timeout.*locked/s);
  });
  await database.drop();
});
