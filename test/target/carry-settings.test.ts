import { expect, test } from 'vitest';
import { settingClause } from '../../functions/target/carry-settings.ts';

test.each([
  ['work_mem=64MB', `"work_mem" TO '64MB'`],
  [
    'search_path="$user", public, "Odd, path", "a""b"',
    `"search_path" TO '$user', 'public', 'Odd, path', 'a"b'`,
  ],
  ['search_path=', `"search_path" TO ''`],
  ['search_path=""', `"search_path" TO ''`],
  ["app.tenant=it's=a \\ tenant", `"app"."tenant" TO E'it''s=a \\\\ tenant'`],
])('%s is written as a clause of SET that means the same', (setting, clause) => {
  expect(settingClause(setting)).toBe(clause);
});
