import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database, Row } from '../../functions/postgres/session.ts';
import type { Lifetime } from '../../functions/run/lifetime.ts';
import { SanitizeFailed } from '../../functions/sanitize/errors.ts';
import { runStatements } from '../../functions/sanitize/run-statements.ts';
import { addConstraints } from '../../functions/target/add-constraints.ts';
import { analyzeTables } from '../../functions/target/analyze.ts';
import { buildIndexes } from '../../functions/target/build-indexes.ts';
import { cleanUpTarget } from '../../functions/target/clean-up-target.ts';
import { DefinitionFailed, WorkVanished } from '../../functions/target/errors.ts';
import { applicationPrefix } from '../../functions/target/names.ts';
import { refreshViews } from '../../functions/target/refresh-views.ts';
import { verifyRestore } from '../../functions/target/verify-restore.ts';
import { type FreshDatabase, freshDatabase, freshRole, superuserSession } from '../servers/fresh-database.ts';
import { lifetime, type RestoreUnderTest, restoreSteps, untilDone } from './restore-steps.ts';
import { smallSource } from './small-source.ts';
import type { SourceContents } from './source-database.ts';

/**
 * In the hidden database alone: an index, a view and a check that take some time for a row, and count how
 * often they were asked; and one whose values are all the same there.
 */
const slowThings = `
  CREATE SEQUENCE calls;
  CREATE FUNCTION slow(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF current_database() LIKE '%\\_r\\_%' THEN PERFORM pg_sleep(0.06), nextval('public.calls'); END IF;
    RETURN $1;
  END $$;
  CREATE FUNCTION slow_and_same(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF current_database() LIKE '%\\_r\\_%' THEN PERFORM pg_sleep(0.06); RETURN 'same'; END IF;
    RETURN $1;
  END $$;
  CREATE INDEX site_slow ON site (slow(name));
  CREATE TABLE logged (at date NOT NULL, site integer) PARTITION BY RANGE (at);
  CREATE TABLE logged_1 PARTITION OF logged FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO logged SELECT '2026-02-01', 1 + n % 20 FROM generate_series(1, 100) n;
  ALTER TABLE logged ADD CONSTRAINT logged_site FOREIGN KEY (site) REFERENCES site;
  CREATE MATERIALIZED VIEW slow_sites AS SELECT slow(name) FROM site;`;
const failingThings = 'CREATE UNIQUE INDEX site_same ON site (slow_and_same(name));';

let source: FreshDatabase;
let contents: SourceContents;
let target: FreshDatabase;
let handle: Database;
let restore: RestoreUnderTest;

async function open(more: string): Promise<void> {
  const small = await smallSource(more);
  source = small.database;
  contents = small.contents;
  const role = await freshRole({ name: 'staging', createdb: true });
  target = await freshDatabase({ name: 'outlasting', owner: role.name });
  handle = await openDatabase(target.urlAs(role));
}
async function close(): Promise<void> {
  await source.drop();
  await target.drop();
}
async function restoreUpTo(last: string): Promise<void> {
  restore = restoreSteps(handle, contents);
  for (const step of restore.steps) {
    if (step.name === last) return;
    await step.run();
  }
}
async function cleanUp(): Promise<void> {
  await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
}

/** In the hidden database, as superuser. */
async function hidden<T extends Row>(sql: string): Promise<T[]> {
  const session = await superuserSession(restore.rebuild().hidden);
  try {
    return await session.query<T>(sql);
  } finally {
    await session.end();
  }
}
const calls = async () => Number((await hidden<{ n: string }>('SELECT last_value AS n FROM calls'))[0]?.n);

/** Sessions of the run whose statement is still executed. */
async function atWork(): Promise<{ pid: number; query: string }[]> {
  const session = await superuserSession();
  try {
    return await session.query<{ pid: number; query: string }>(
      `SELECT pid, query FROM pg_stat_activity
        WHERE state = 'active' AND left(application_name, length($1)) = $1`,
      [applicationPrefix(restore.runId)],
    );
  } finally {
    await session.end();
  }
}

/** Does something while a session holds a lock on a table of the hidden database, and lets go after some milliseconds. */
async function whileLocked<T>(table: string, mode: string, ms: number, work: () => Promise<T>): Promise<T> {
  const session = await superuserSession(restore.rebuild().hidden);
  await session.execute(`BEGIN; LOCK TABLE ${table} IN ${mode} MODE`);
  const released = sleep(ms).then(() => session.end());
  try {
    return await work();
  } finally {
    await released;
  }
}

/** Counts the invocations that it takes. */
async function invocations(
  ms: number,
  invoke: (life: Lifetime) => Promise<{ readonly more: boolean }>,
): Promise<number> {
  let count = 0;
  await untilDone(ms, (life) => {
    count += 1;
    return invoke(life);
  });
  return count;
}

describe('work that outlasts whoever started it', () => {
  beforeAll(() => open(slowThings));
  afterAll(close);
  afterEach(cleanUp);
  const indexes = (life: Lifetime, signal?: AbortSignal) =>
    buildIndexes(handle, restore.rebuild(), { ...contents, jobs: 2, life, ...(signal && { signal }) });
  const constraints = (life: Lifetime) =>
    addConstraints(handle, restore.rebuild(), { ...contents, jobs: 2, life });

  test('an index is built once, by however many invocations, and by two starters at once', async () => {
    await restoreUpTo('build-indexes');
    const counts = await Promise.all([invocations(500, indexes), invocations(700, indexes)]);
    expect(Math.min(...counts)).toBeGreaterThan(2);
    expect(await calls()).toBe(20);
    expect(
      await hidden("SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'site_slow'::regclass"),
    ).toEqual([{ valid: true }]);
    expect(await invocations(1_000, indexes)).toBe(1);
  });

  test('an invocation leaves at once when its time is over, and its statement goes on', async () => {
    await restoreUpTo('build-indexes');
    const began = performance.now();
    expect(await indexes(lifetime(900))).toMatchObject({ more: true });
    expect(performance.now() - began).toBeLessThan(900);
    expect((await atWork()).map(({ query }) => query).join()).toContain('-- indexes: CREATE ');
  });

  test('an aborted run leaves no session behind', async () => {
    await restoreUpTo('build-indexes');
    const controller = new AbortController();
    const building = indexes(lifetime(60_000), controller.signal);
    const queries = async () => (await atWork()).map(({ query }) => query).join();
    await expect.poll(queries, { timeout: 5_000 }).toContain('-- indexes: CREATE ');
    controller.abort(new Error('enough'));
    await expect(building).rejects.toThrow('enough');
    const { endedSessions } = await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
    expect(endedSessions).toBeGreaterThan(0);
    expect(await atWork()).toEqual([]);
  });

  test('what the server ends again and again without a result is given up, by name', async () => {
    await restoreUpTo('build-indexes');
    const killed = async (life: Lifetime) => {
      const answer = await indexes(life);
      const session = await superuserSession();
      for (const { pid } of await atWork()) await session.query('SELECT pg_terminate_backend($1)', [pid]);
      await session.end();
      await expect.poll(atWork, { timeout: 20_000 }).toEqual([]);
      return answer;
    };
    const given = invocations(500, killed);
    await expect(given).rejects.toThrow(WorkVanished);
    await expect(given).rejects.toThrow(/CREATE INDEX IF NOT EXISTS site_slow .*started 3 times/);
  });

  test('foreign keys in both directions and of a partitioned table wait for their tables', async () => {
    await restoreUpTo('add-constraints');
    const counts = await whileLocked('site', 'ACCESS EXCLUSIVE', 1_500, () =>
      Promise.all([invocations(500, constraints), invocations(800, constraints)]),
    );
    expect(Math.min(...counts)).toBeGreaterThan(1);
    expect(
      await hidden(
        `SELECT conname AS name, convalidated AS valid FROM pg_constraint
          WHERE contype = 'f' AND conparentid = 0 ORDER BY 1`,
      ),
    ).toEqual(['device_site', 'logged_site', 'site_manager'].map((name) => ({ name, valid: true })));
  });

  test('a validation goes on without its client', async () => {
    await restoreUpTo('add-triggers');
    await hidden(
      `WITH forgotten AS (DELETE FROM replicator_bookkeeping.mark WHERE step = 'validation')
       UPDATE pg_constraint SET convalidated = false WHERE contype = 'f' AND conname IN ('device_site', 'site_manager')`,
    );
    const count = await whileLocked('device', 'SHARE UPDATE EXCLUSIVE', 1_500, () =>
      Promise.all([invocations(500, constraints), invocations(600, constraints)]),
    );
    expect(Math.min(...count)).toBeGreaterThan(2);
    expect(await hidden('SELECT conname FROM pg_constraint WHERE NOT convalidated')).toEqual([]);
  });

  test('a materialised view is filled once', async () => {
    await restoreUpTo('refresh-views');
    const before = await calls();
    const count = await invocations(500, (life) =>
      refreshViews(handle, restore.rebuild(), contents.postData, { life }),
    );
    expect(count).toBeGreaterThan(2);
    expect((await calls()) - before).toBe(20);
    expect(await hidden('SELECT count(*)::int AS n FROM slow_sites')).toEqual([{ n: 20 }]);
  });

  test('statistics and rows of a locked table are waited for', async () => {
    await restoreUpTo('analyze');
    const { tables } = contents;
    const analyzed = await whileLocked('secret', 'ACCESS EXCLUSIVE', 1_200, () =>
      invocations(400, (life) => analyzeTables(handle, restore.rebuild(), { tables, jobs: 2, life })),
    );
    expect(analyzed).toBeGreaterThan(1);
    expect(await hidden("SELECT count(*) > 0 AS has FROM pg_stats WHERE tablename = 'secret'")).toEqual([
      { has: true },
    ]);
    let verified: unknown;
    const counted = await whileLocked('secret', 'ACCESS EXCLUSIVE', 1_200, () =>
      invocations(400, async (life) => {
        const options = { ...contents, sequences: [], jobs: 2, life };
        verified = await verifyRestore(handle, restore.rebuild(), options);
        return { more: verified === undefined };
      }),
    );
    expect(counted).toBeGreaterThan(1);
    expect(verified).toMatchObject({ rows: 10_620 });
  });

  test('sanitising and rewriting tables go on, and the statements run once', async () => {
    await restoreUpTo('sanitize');
    const statements = [
      "UPDATE secret SET token = token || 'x'",
      'CREATE TABLE ran AS SELECT pg_sleep(1)::text AS a',
    ];
    const count = await whileLocked('secret', 'ACCESS SHARE', 2_500, () =>
      invocations(500, async (life) => {
        const outcome = await runStatements(handle, restore.rebuild(), statements, { jobs: 2, life });
        return { more: outcome === undefined };
      }),
    );
    expect(count).toBeGreaterThan(3);
    expect(await hidden("SELECT count(*)::int AS n FROM secret WHERE token ~ '^token-[0-9]+x$'")).toEqual([
      { n: 10_000 },
    ]);
    await hidden('CREATE EXTENSION pageinspect');
    expect(
      await hidden(
        `SELECT count(*)::int AS n FROM generate_series(0, pg_relation_size('secret') / 8192 - 1) AS p (n),
                heap_page_items(get_raw_page('secret', p.n::int)) WHERE t_xmax <> 0`,
      ),
    ).toEqual([{ n: 0 }]);
  });

  test('a sanitising statement that fails when nobody listens is named', async () => {
    await restoreUpTo('sanitize');
    const statements = ['DELETE FROM secret', 'SELECT pg_sleep(1), 1 / (SELECT 0 FROM pg_sleep(1))'];
    const failed = invocations(500, async (life) => {
      const outcome = await runStatements(handle, restore.rebuild(), statements, { jobs: 2, life });
      return { more: outcome === undefined };
    });
    await expect(failed).rejects.toThrow(SanitizeFailed);
    await expect(failed).rejects.toThrow(/division by zero.*: SELECT pg_sleep/);
  });
});

describe('an index that can not be built', () => {
  beforeAll(() => open(slowThings + failingThings));
  afterAll(close);
  beforeEach(() => restoreUpTo('build-indexes'));
  afterEach(cleanUp);

  test('is named with the server’s words although nobody listened', async () => {
    const failed = invocations(500, (life) =>
      buildIndexes(handle, restore.rebuild(), { ...contents, jobs: 2, life }),
    );
    await expect(failed).rejects.toThrow(DefinitionFailed);
    await expect(failed).rejects.toThrow(/CREATE UNIQUE INDEX .*site_same.*: could not create unique index/);
  });
});
