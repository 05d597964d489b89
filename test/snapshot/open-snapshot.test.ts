import { afterAll, beforeAll, expect, test } from 'vitest';
import { SourceFacts } from '../../functions/archive/manifest.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { type FreshDatabase, freshDatabase } from '../servers/fresh-database.ts';
import { lookAt, startKeeper } from './start-keeper.ts';

let nautobot: FreshDatabase;

beforeAll(async () => {
  nautobot = await freshDatabase({ template: 'nautobot_31' });
});
afterAll(() => nautobot.drop());

test('what OpenSnapshot finds in a Nautobot: its tables, sizes, sequences, migrations and server', async () => {
  const database = await openDatabase(nautobot.url);
  await using keeper = await startKeeper(database);
  const opened = await lookAt(database, keeper);
  console.log(
    JSON.stringify({ ...opened, selection: undefined, rows: opened.rows.slice(0, 3) }, null, 1).slice(
      0,
      6000,
    ),
  );
  expect(SourceFacts.parse(opened.source)).toEqual(opened.source);
  expect(opened.text).toMatch(/^\d+:\d+:/);
  expect(opened.rows.length).toBeGreaterThan(200);
});
