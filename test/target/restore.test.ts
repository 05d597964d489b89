import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { ownedBy } from '../../functions/target/names.ts';
import { dropPrevious } from '../../functions/target/switch-over.ts';
import { definitionsOf, runFile, withSession } from '../definitions/load-definitions.ts';
import { type FreshDatabase, freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { contents, restoreSteps } from './restore-steps.ts';
import { readSource, type SourceContents } from './source-database.ts';

const opened: FreshDatabase[] = [];
async function database(...options: Parameters<typeof freshDatabase>): Promise<FreshDatabase> {
  const made = await freshDatabase(...options);
  opened.push(made);
  return made;
}
afterAll(async () => {
  for (const one of opened) await one.drop();
});

/** Which partition of a hash of an enum a row lies in is another one in every database. */
const comparable = async (url: string) => {
  const found = await withSession(url, contents);
  return Object.fromEntries(Object.entries(found).filter(([table]) => !/by_mood_\d/.test(table)));
};

const definitionsText = async (url: string) =>
  (await definitionsOf(url)).schema.replace(/^-- Dumped from.*$/m, '');

describe('a database with everything odd in it', () => {
  let source: FreshDatabase;
  let read: SourceContents;
  beforeAll(async () => {
    source = await database({ name: 'odd source' });
    await runFile(source.url, 'odd-database.sql', 'odd-database-18.sql');
    await runFile(source.url, '../target/odd-rows.sql');
    read = await readSource(source.url, { chunksOf: { 'public.events_2025_sad': 3 } });
  });

  test('comes out the same: definitions, rows, sequences', async () => {
    const target = await database({ name: 'Odd "target"' });
    const restore = restoreSteps(await openDatabase(target.url), read);
    for (const step of restore.steps) await step.run();
    expect(await definitionsText(target.url)).toBe(await definitionsText(source.url));
    expect(await comparable(target.url)).toEqual(await comparable(source.url));
    expect(restore.notes).toEqual([]);
    await dropPrevious(await openDatabase(target.url), restore.rebuild());
    const names = await withSession(target.url, (session) =>
      session.query<{ name: string }>('SELECT datname AS name FROM pg_database'),
    );
    expect(names.filter(({ name }) => ownedBy(restore.runId, name))).toEqual([]);
  });

  test('comes out the same when no invocation of a state lives longer than half a second', async () => {
    const target = await database({ name: 'short lives' });
    const restore = restoreSteps(await openDatabase(target.url), read, { lifeMs: 500 });
    for (const step of restore.steps) await step.run();
    expect(await definitionsText(target.url)).toBe(await definitionsText(source.url));
    expect(await comparable(target.url)).toEqual(await comparable(source.url));
    expect(restore.notes).toEqual([]);
  });

  test('comes out the same when every step is done twice, at the same time where it may be', async () => {
    const target = await database({ name: 'twice' });
    const restore = restoreSteps(await openDatabase(target.url), read);
    for (const step of restore.steps) {
      if (['pre-data', 'load', 'add-constraints', 'build-indexes', 'add-triggers'].includes(step.name)) {
        await Promise.allSettled([step.run(), step.run()]);
      }
      await step.run();
      await step.run();
    }
    expect(await definitionsText(target.url)).toBe(await definitionsText(source.url));
    expect(await comparable(target.url)).toEqual(await comparable(source.url));
  });
});

test('a role that is no superuser gets all that it may make, and is told what it may not', async () => {
  const source = await database({ name: 'mostly odd' });
  await runFile(source.url, 'odd-database.sql', 'odd-database-18.sql', '../target/odd-rows.sql');
  await withSession(source.url, (session) =>
    session.execute(`
      DROP TYPE public.shell;
      DROP FOREIGN DATA WRAPPER nowhere CASCADE;
      DROP OPERATOR CLASS public.backwards USING btree;
      DROP OPERATOR FAMILY IF EXISTS public.backwards USING btree;
      COMMENT ON SCHEMA public IS 'odd public'`),
  );
  const read = await readSource(source.url);
  const role = await freshRole({ name: 'staging', createdb: true });
  const target = await database({ name: 'of a role', owner: role.name });
  const restore = restoreSteps(await openDatabase(target.urlAs(role)), read);
  for (const step of restore.steps) await step.run();
  expect(await comparable(target.url)).toEqual(await comparable(source.url));
  const left = ['EVENT TRIGGER', 'PUBLICATION everything'];
  expect(restore.notes.every((note) => left.some((what) => note.includes(what)))).toBe(true);
  for (const what of left) expect(restore.notes.join('\n')).toContain(what);
  const withoutThem = async (url: string) =>
    (await definitionsText(url))
      .replace(/^--.*$/gm, '')
      .split(/\n\n+/)
      .filter((part) => !left.some((what) => part.includes(what)))
      .join('\n\n');
  expect(await withoutThem(target.url)).toBe(await withoutThem(source.url));
  await dropPrevious(await openDatabase(target.urlAs(role)), restore.rebuild());
});

describe.each(['nautobot_31', 'nautobot_16'] as const)('%s', (template) => {
  test('is rebuilt by a role that is no superuser, which owns everything afterwards', async () => {
    const source = await database({ name: 'source', template });
    const read = await readSource(source.url, { chunksOf: { 'public.extras_objectchange': 3 } });
    const role = await freshRole({ name: 'Staging "role"', createdb: true });
    const target = await database({ name: 'staging', owner: role.name });
    const restore = restoreSteps(await openDatabase(target.urlAs(role)), read);
    for (const step of restore.steps) await step.run();
    expect(await comparable(target.url)).toEqual(await comparable(source.url));
    expect(await definitionsText(target.url)).toBe(await definitionsText(source.url));
    const others = await withSession(target.url, (session) =>
      session.query(
        `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
          WHERE n.nspname = 'public' AND r.rolname <> $1`,
        [role.name],
      ),
    );
    expect(others).toEqual([]);
    expect(restore.verified().tables).toBeGreaterThan(100);
  });
});
