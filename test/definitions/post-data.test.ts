import { expect, test } from 'vitest';
import { readPostData } from '../../functions/definitions/post-data.ts';
import { splitStatements } from '../../functions/definitions/statements.ts';
import { freshDatabase } from '../servers/fresh-database.ts';
import { definitionsOf, loadByGroups, runFile } from './load-definitions.ts';

test('definitions loaded group by group are the ones that were dumped', async () => {
  const source = await freshDatabase();
  const target = await freshDatabase();
  await runFile(source.url, 'odd-database.sql', 'odd-database-18.sql');
  const dumped = await definitionsOf(source.url);
  const groups = await readPostData(dumped.postData);
  await loadByGroups(target.url, dumped.preData, groups);
  const again = await definitionsOf(target.url);
  expect(again.preData).toBe(dumped.preData);
  expect(again.postData).toBe(dumped.postData);
  await Promise.all([source.drop(), target.drop()]);
}, 60_000);

test.each(['nautobot_31', 'nautobot_16'] as const)(
  '%s loads group by group',
  async (template) => {
    const source = await freshDatabase({ template });
    const target = await freshDatabase();
    const dumped = await definitionsOf(source.url);
    await loadByGroups(target.url, dumped.preData, await readPostData(dumped.postData));
    expect((await definitionsOf(target.url)).schema).toBe(dumped.schema);
    await Promise.all([source.drop(), target.drop()]);
  },
  120_000,
);

test('every statement of post-data is in exactly one group', async () => {
  const source = await freshDatabase();
  await runFile(source.url, 'odd-database.sql', 'odd-database-18.sql');
  const { postData } = await definitionsOf(source.url);
  const groups = await readPostData(postData);
  const grouped = Object.values(groups).flatMap((group) => group.map(({ text }: { text: string }) => text));
  const all = (await splitStatements(postData)).map(({ text }) => text);
  expect(grouped.toSorted()).toEqual(all.toSorted());
  expect(Object.values(groups).every((group) => group.length > 0)).toBe(true);
  await source.drop();
}, 60_000);
