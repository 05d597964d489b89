import { expect, test } from 'vitest';
import { SourceFacts } from '../../functions/archive/manifest.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { freshDatabase, freshRole, type TemplateName } from '../servers/fresh-database.ts';
import { lookAt, sessionOf, startKeeper } from './start-keeper.ts';

test.each<[TemplateName, number, string]>([
  ['nautobot_31', 200, 'extras'],
  ['nautobot_16', 100, 'extras'],
])(
  'what OpenSnapshot finds in %s: its tables, sequences, migrations and server',
  async (template, tables, app) => {
    const nautobot = await freshDatabase({ template });
    const database = await openDatabase(nautobot.url);
    {
      await using keeper = await startKeeper(database);
      const opened = await lookAt(database, keeper);
      expect(SourceFacts.parse(opened.source)).toEqual(opened.source);
      expect(opened.source).toMatchObject({
        database: nautobot.name,
        encoding: 'UTF8',
        localeProvider: 'builtin',
      });
      expect(opened.source.systemIdentifier).toMatch(/^\d+$/);
      expect(opened.source.migrations?.[app]).toMatch(/^\d{4}_/);
      expect(opened.text).toMatch(/^\d+:\d+:[\d,]*$/);
      expect(Math.abs(Date.parse(opened.takenAt) - Date.now())).toBeLessThan(60_000);
      expect(opened.walPosition).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
      expect(opened.rows.length).toBeGreaterThan(tables);
      expect(opened.rows.find(({ name }) => name === 'extras_objectchange')?.columns).toContain(
        'object_data',
      );
      expect(opened.positions).toHaveLength(opened.sequences.length);
      expect(opened.selection.notes).toEqual([]);
    }
    await nautobot.drop();
  },
);

test('a role without rights on the control file and on django_migrations still opens a snapshot', async () => {
  const source = await freshDatabase();
  const role = await freshRole();
  await using session = await sessionOf(source.url);
  await session.execute(`
    REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;
    CREATE SCHEMA pgless;
    CREATE TABLE pgless.django_migrations (id int, app text, name text);
    CREATE TABLE things AS SELECT 1 AS id;
    GRANT SELECT ON things TO "${role.name}"`);
  const leaveOut = { excludeTables: ['pgless.*'], excludeTableData: [], schemaOnly: false };
  const database = await openDatabase(source.urlAs(role));
  {
    await using keeper = await startKeeper(database, { leaveOut });
    const { source: facts, rows } = await lookAt(database, keeper, leaveOut);
    expect([facts.systemIdentifier, facts.migrations]).toEqual([null, null]);
    expect(rows.map(({ name }) => name)).toEqual(['things']);
  }
  await session.end();
  await source.drop();
});

test('migrations that are not a Django table are left alone', async () => {
  const source = await freshDatabase();
  await using session = await sessionOf(source.url);
  await session.execute('CREATE TABLE django_migrations (something int)');
  const database = await openDatabase(source.url);
  {
    await using keeper = await startKeeper(database);
    const opened = await lookAt(database, keeper);
    expect(opened.source.migrations).toBeNull();
  }
  await session.end();
  await source.drop();
});
