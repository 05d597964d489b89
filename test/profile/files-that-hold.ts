import { quoteLiteral } from '../../functions/postgres/quote.ts';
import { superuserSession } from '../servers/fresh-database.ts';

/**
 * Files of a database's directory that hold a text, read as the bytes that they are: tables, TOAST, indexes, statistics
 * and whatever else lies there.
 */
export async function filesThatHold(database: string, text: string): Promise<string[]> {
  const session = await superuserSession();
  try {
    await session.execute('CHECKPOINT');
    const files = await session.query<{ file: string }>(
      `SELECT f.name AS file
         FROM pg_database d, LATERAL (SELECT 'base/' || d.oid AS path) p, LATERAL pg_ls_dir(p.path) AS f (name)
        WHERE d.datname = ${quoteLiteral(database)} AND f.name ~ '^(t[0-9]+_)?[0-9]'
          AND position(convert_to(${quoteLiteral(text)}, 'UTF8') IN pg_read_binary_file(p.path || '/' || f.name)) > 0`,
    );
    return files.map(({ file }) => file).sort();
  } finally {
    await session.end();
  }
}
