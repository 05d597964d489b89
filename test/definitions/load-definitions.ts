import { readFile } from 'node:fs/promises';
import { type Definitions, dumpDefinitions } from '../../functions/definitions/dump-definitions.ts';
import type { PostData } from '../../functions/definitions/post-data-groups.ts';
import { readPreData } from '../../functions/definitions/pre-data.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Session } from '../../functions/postgres/session.ts';

const applicationName = 'definitions test';

/** A superuser's session, ended when `work` is done. */
export async function withSession<T>(url: string, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await (await openDatabase(url)).connect({ applicationName });
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

/** Runs a file beside the tests, as one simple-protocol query. */
export async function runFile(url: string, ...names: string[]): Promise<void> {
  for (const name of names) {
    const sql = await readFile(new URL(name, import.meta.url), 'utf8');
    await withSession(url, (session) => session.execute(sql));
  }
}

export async function definitionsOf(
  url: string,
  options: Partial<Parameters<typeof dumpDefinitions>[2]> = {},
): Promise<Definitions> {
  const database = await openDatabase(url);
  return withSession(url, async (session) => {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return dumpDefinitions(database, session, { applicationName, ...options });
  });
}

/** In the order of the documentation, with everything that may come in any order turned round. */
export async function loadByGroups(url: string, preData: string, postData: PostData): Promise<void> {
  await withSession(url, async (session) => {
    for (const { text } of await readPreData(preData)) await session.execute(text);
    for (const { text } of postData.indexes.toReversed()) await session.execute(text);
    for (const key of postData.keys.toReversed()) {
      const { schema, name } = key.relation;
      const [table] = await session.query<{ partitioned: boolean }>(
        `SELECT relkind = 'p' AS partitioned FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE nspname = $1 AND relname = $2`,
        [schema, name],
      );
      const steps = table?.partitioned ? undefined : key.inTwoSteps;
      if (steps) await session.execute(steps.index);
      await session.execute(steps ? steps.constraint : key.text);
    }
    for (const { text } of postData.others) await session.execute(text);
    for (const key of postData.foreignKeys.toReversed()) await session.execute(key.notValidText ?? key.text);
    for (const key of postData.foreignKeys) {
      if (key.notValidText === undefined) continue;
      await session.execute(
        `ALTER TABLE "${key.relation.schema.replaceAll('"', '""')}"."${key.relation.name.replaceAll('"', '""')}"
         VALIDATE CONSTRAINT "${key.name.replaceAll('"', '""')}"`,
      );
    }
    for (const { text } of [...postData.behaviour, ...postData.refreshes, ...postData.eventTriggers])
      await session.execute(text);
  });
}
