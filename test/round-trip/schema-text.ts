import { dumpDefinitions } from '../../functions/definitions/dump-definitions.ts';
import { openDatabase } from '../../functions/postgres/database.ts';

/** What `pg_dump -s` says of a database, without owners and grants. */
export async function schemaText(url: string): Promise<string> {
  const database = await openDatabase(url);
  const session = await database.connect({ applicationName: 'schema text' });
  try {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return (await dumpDefinitions(database, session, { applicationName: 'schema text' })).schema;
  } finally {
    await session.end();
  }
}
