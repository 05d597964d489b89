import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { Lifetime, type Progressed } from '../../functions/run/lifetime.ts';
import { createHiddenDatabase } from '../../functions/target/create-database.ts';
import { loadPreData } from '../../functions/target/load-pre-data.ts';
import { definitionWork } from '../../functions/target/piece.ts';
import { runWork, type Work } from '../../functions/target/run-work.ts';
import { openLoader } from '../../functions/target/sessions.ts';
import { setSequences } from '../../functions/target/set-sequences.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { newRunId } from './restore-steps.ts';

let target: FreshDatabase;
let database: Database;
const runId = newRunId();
beforeEach(async () => {
  target = await freshDatabase({ name: 'in_pieces' });
  database = await openDatabase(target.url);
});
afterEach(async () => {
  const admin = await superuserSession();
  await admin.execute(`DROP DATABASE IF EXISTS "${target.name}_r_${runId}" WITH (FORCE)`);
  await admin.end();
  await target.drop();
});

/** Invokes with lifetimes that are nearly over as soon as they have begun: one piece of work each. @returns how often, and the last answer */
async function piecewise<T extends Progressed>(
  invoke: (life: Lifetime) => Promise<T>,
): Promise<{ readonly calls: number; readonly last: T }> {
  for (let calls = 1; ; calls++) {
    let looks = 0;
    const last = await invoke(new Lifetime(() => (looks++ === 0 ? 1000 : 0)));
    if (!last.more) return { calls, last };
  }
}

test('a restore makes extensions, definitions and sequences piece by piece, and says of all what it would have said of one', async () => {
  const names = ['citext', 'hstore', 'pgcrypto'];
  const extensions = names.map((name) => ({ name, version: '1', schema: 'public' }));
  const created = await piecewise((life) => createHiddenDatabase(database, { runId, extensions, life }));
  expect(created.calls).toBe(3);
  const { rebuild } = created.last;

  const statements = Array.from({ length: 1_100 }, (_, n) => `CREATE SEQUENCE public.s${n};`);
  const preData = [...statements, "COMMENT ON LANGUAGE plpgsql IS 'x';"].join('\n');
  const loaded = await piecewise((life) => loadPreData(database, rebuild, preData, { life }));
  expect(loaded.calls).toBe(3);
  expect(loaded.last.notes).toEqual((await loadPreData(database, rebuild, preData)).notes);

  const sequences = statements.map((_, n) => ({
    schema: 'public',
    name: `s${n}`,
    lastValue: String(n + 1),
    isCalled: n % 2 === 0,
    ownedBy: null,
  }));
  const set = await piecewise((life) => setSequences(database, rebuild, sequences, { life }));
  expect(set.calls).toBe(3);
  const session = await openLoader(database, rebuild, { part: 'look' });
  const [found] = await session.query<{ extensions: string; right: string }>(`
    SELECT (SELECT string_agg(extname, ' ' ORDER BY 1) FROM pg_extension WHERE extname <> 'plpgsql') AS extensions,
      (SELECT count(*) FROM pg_sequences WHERE schemaname = 'public'
        AND last_value IS NOT DISTINCT FROM CASE WHEN substr(sequencename, 2)::int % 2 = 0
          THEN substr(sequencename, 2)::int + 1 END)::text AS right`);
  await session.end();
  expect(found).toEqual({ extensions: names.join(' '), right: '1100' });
});

test('a compression that the target was built without is left out, which is said', async () => {
  const { rebuild } = await createHiddenDatabase(database, {
    runId,
    extensions: [],
    life: new Lifetime(() => 1e6),
  });
  const session = await superuserSession();
  const [known] = await session.query<{ lz4: boolean }>(
    "SELECT 'lz4' = ANY(enumvals) AS lz4 FROM pg_settings WHERE name = 'default_toast_compression'",
  );
  await session.end();
  const { notes } = await loadPreData(
    database,
    rebuild,
    'CREATE TABLE public.t (a text); ALTER TABLE ONLY public.t ALTER COLUMN a SET COMPRESSION lz4; CREATE TABLE public.u (a text);',
  );
  const said =
    'left out (the server knows no such compression): ALTER TABLE ONLY public.t ALTER COLUMN a SET COMPRESSION lz4';
  expect(notes).toEqual(known?.lz4 ? [] : [said]);
  const built = await openLoader(database, rebuild, { part: 'look' });
  expect(
    await built.query("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname IN ('t', 'u')"),
  ).toHaveLength(2);
  await built.end();
});

test('work that the server ends because it and another wait for each other is tried again', async () => {
  const { rebuild } = await createHiddenDatabase(database, {
    runId,
    extensions: [],
    life: new Lifetime(() => 1e6),
  });
  await loadPreData(database, rebuild, 'CREATE TABLE public.a (n int); CREATE TABLE public.b (n int);');
  const lock = (table: string) => `LOCK TABLE public.${table} IN ACCESS EXCLUSIVE MODE`;
  const both = (first: string, then: string) =>
    definitionWork('test', [lock(first), 'SELECT pg_catalog.pg_sleep(0.5)', lock(then)]);
  let attempts = 0;
  const counted = (work: Work): Work => ({
    ...work,
    attempt: (session) => {
      attempts++;
      return work.attempt(session);
    },
  });
  const works = [counted(both('a', 'b')), counted(both('b', 'a'))];
  const groups = works.map((work) => [work]);
  expect(await runWork(database, rebuild, groups, { jobs: 2, part: 'test' })).toBe(true);
  expect(attempts).toBeGreaterThan(2);
});
