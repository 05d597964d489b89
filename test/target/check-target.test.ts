import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SourceFacts } from '../../functions/archive/manifest.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { sourceFacts } from '../../functions/snapshot/source-facts.ts';
import {
  checkTarget,
  refuse,
  type TargetCheckOptions,
  type TargetRules,
} from '../../functions/target/check-target.ts';
import {
  TableDiffers,
  TargetIsSource,
  TargetNotAllowed,
  TargetUnfit,
} from '../../functions/target/errors.ts';
import { allowTarget, isMarked, markTarget } from '../../functions/target/target-mark.ts';
import { withSession } from '../definitions/load-definitions.ts';
import { type FreshDatabase, freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { newRunId } from './restore-steps.ts';

let source: FreshDatabase;
let target: FreshDatabase;
let facts: SourceFacts;
const made: FreshDatabase[] = [];

beforeAll(async () => {
  source = await freshDatabase({ name: 'production' });
  target = await freshDatabase({ name: 'staging' });
  made.push(source, target);
  const { address } = await openDatabase(source.url);
  facts = await withSession(source.url, (session) => sourceFacts(session, address));
});
afterAll(async () => {
  for (const database of made) await database.drop();
});

const said: TargetRules = {
  allowSource: false,
  allowOlder: false,
  ignoreDisk: false,
  dropPrevious: false,
  yes: true,
  allowedTargets: undefined,
};

/** Looks at a target; throws as a restore would when something is refused. */
async function check(
  url: string,
  more: Partial<Omit<TargetCheckOptions, 'rules'>> & { rules?: Partial<TargetRules> } = {},
) {
  const { rules, ...others } = more;
  const options = {
    runId: newRunId(),
    target: await openDatabase(url),
    manifestSource: facts,
    roles: [],
    tables: undefined,
    textBytes: 1000,
    scope: 'database' as const,
    ...others,
    rules: { ...said, ...rules },
  };
  const looked = await checkTarget(options);
  refuse(looked.checks, options.target);
  return looked;
}

const outcomes = ({ checks }: Awaited<ReturnType<typeof check>>) =>
  Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome]));
const messages = ({ checks }: Awaited<ReturnType<typeof check>>) =>
  checks.map(({ name, outcome, message }) => `${outcome} ${name}: ${message}`).join('\n');

test('a target that has everything is let through, and nothing is changed', async () => {
  const looked = await check(target.url);
  expect(looked.facts).toMatchObject({
    database: target.name,
    createdb: true,
    actsAsOwner: true,
    encoding: 'UTF8',
  });
  expect(outcomes(looked)).toEqual({
    source: 'ok',
    'allowed-targets': 'ok',
    mark: 'ok',
    'server-version': 'ok',
    encoding: 'ok',
    locale: 'ok',
    extensions: 'ok',
    privileges: 'ok',
    'maintenance-database': 'ok',
    'prepared-transactions': 'ok',
    'replication-slots': 'ok',
    subscriptions: 'ok',
    sessions: 'ok',
    migrations: 'ok',
    'kept-previous': 'ok',
    disk: 'ok',
  });
  // Production's own server, or a copy of it, is no reason to refuse, and is told
  expect(messages(looked)).toContain("its server has the source's system identifier");
});

test('the source is refused by its address, however this machine is called', async () => {
  for (const host of ['localhost', '127.0.0.1', '[::1]']) {
    const handle = await openDatabase(source.url);
    const elsewhere: Database = { ...handle, address: { ...handle.address, host }, connect: handle.connect };
    const failed = check(source.url, { target: elsewhere, manifestSource: { ...facts, host: '127.0.0.1' } });
    await expect(failed).rejects.toThrow(TargetIsSource);
    await expect(failed).rejects.toThrow(/--allow-source/);
  }
});

test('the source is refused under another address when a session of it is found there', async () => {
  const alias = { ...facts, host: 'production.example' };
  const handle = await openDatabase(source.url);
  const asSource: Database = {
    ...handle,
    address: { ...handle.address, host: 'db.example' },
    connect: handle.connect,
  };
  await expect(check(source.url, { manifestSource: alias, source: asSource })).rejects.toThrow(
    /a session opened at .* is in the target's database/,
  );
  // Without a way to look, it is a hint for whoever confirms
  const { hints } = await check(source.url, { manifestSource: alias });
  expect(hints).toHaveLength(1);
});

test('the source is let through when a person says so, and another database of its server anyway', async () => {
  await check(source.url, { rules: { allowSource: true } });
  const handle = await openDatabase(source.url);
  await check(target.url, { source: handle });
});

test('everything that is missing is said at once', async () => {
  const weak = await freshRole({ name: 'weak' });
  const failed = check(target.urlAs(weak), {
    roles: ['auditor', 'postgres'],
    manifestSource: {
      ...facts,
      serverVersionNum: 990_000,
      encoding: 'LATIN1',
      extensions: [{ name: 'unheard_of', version: '1.0', schema: 'public' }],
    },
  });
  await expect(failed).rejects.toThrow(TargetUnfit);
  for (const finding of [
    /the backup is of 99/,
    /encoding is UTF8, the backup's is LATIN1/,
    /doesn't have the extension "unheard_of"/,
    /role "auditor"/,
    /may not create databases: ALTER ROLE/,
    /GRANT "postgres" TO "weak_/,
    /nothing was built/,
  ])
    await expect(failed).rejects.toThrow(finding);
});

test('a superuser’s session stands in the way, but not of single tables', async () => {
  const owner = await freshRole({ name: 'owner', createdb: true });
  const busy = await freshDatabase({ name: 'busy', owner: owner.name });
  made.push(busy);
  await withSession(busy.url, async () => {
    const failed = check(busy.urlAs(owner));
    await expect(failed).rejects.toThrow(
      /process \d+ \(role postgres, application .* is connected, and role .* may not end it/,
    );
    await check(busy.urlAs(owner), { scope: 'tables' });
  });
  await check(busy.urlAs(owner));
});

test('an unmarked database needs a person’s word, which is kept in its comment', async () => {
  const unmarked = await freshDatabase({ name: 'unmarked' });
  made.push(unmarked);
  const handle = await openDatabase(unmarked.url);
  const comment = () =>
    withSession(unmarked.url, (session) =>
      session.query<{ text: string }>(
        `SELECT shobj_description(oid, 'pg_database') AS text FROM pg_database WHERE datname = current_database()`,
      ),
    );
  await withSession(unmarked.url, (session) =>
    session.execute(`COMMENT ON DATABASE "${unmarked.name}" IS 'the team''s \\ own'`),
  );
  const failed = allowTarget(handle, async () => false);
  await expect(failed).rejects.toThrow(TargetNotAllowed);
  await expect(failed).rejects.toThrow(/replicator allow-target URL .*--yes/);
  expect(await isMarked(handle)).toBe(false);
  await allowTarget(handle, async (question) => question.includes('Is it a restore target?'));
  expect(await isMarked(handle)).toBe(true);
  const [first] = await comment();
  expect(first?.text).toMatch(/^the team's \\ own\nreplicator: restore target since /);
  await markTarget(handle);
  await allowTarget(handle, async () => false);
  expect(await comment()).toEqual([first]);
});

test('tables that only the target has are told, those to be replaced must be there with the same columns', async () => {
  const entry = (name: string, columns: string[]) => ({
    ...{ schema: 'public', name, columns, rows: 1, rawBytes: 1 },
    ...{ content: 'rows' as const, loadThrough: null, chunks: [] },
  });
  const mixed = await freshDatabase({ name: 'mixed' });
  made.push(mixed);
  await withSession(mixed.url, (session) =>
    session.execute(
      'CREATE TABLE shared (a int, b int, c int GENERATED ALWAYS AS (a) STORED); CREATE TABLE own (a int)',
    ),
  );
  const tables = [entry('shared', ['b', 'a'])];
  expect(messages(await check(mixed.url, { tables }))).toContain(
    'warning other-tables: tables that only the target has go with the old database, which --keep-previous keeps: public.own',
  );
  await check(mixed.url, { tables, scope: 'tables' });
  const failed = check(mixed.url, {
    tables: [entry('shared', ['a', 'x']), entry('gone', ['a'])],
    scope: 'tables',
  });
  await expect(failed).rejects.toThrow(TableDiffers);
  await expect(failed).rejects.toThrow(/public\.shared: x, b only in the target or only in the backup/);
  await expect(failed).rejects.toThrow(/public\.gone: the target has no such table/);
});
