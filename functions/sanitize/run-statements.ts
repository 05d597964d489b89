import { createHash } from 'node:crypto';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteLiteral, quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { once } from '../target/bookkeeping.ts';
import type { Rebuild } from '../target/rebuild.ts';
import { withLoader } from '../target/sessions.ts';
import type { SanitizedTable } from '../target/verify-restore.ts';
import { SanitizeFailed } from './errors.ts';

export interface SanitizeOutcome {
  readonly statements: readonly { readonly statement: string; readonly rows: number }[];
  /** Tables that the statements wrote to, and their rows afterwards. */
  readonly touched: readonly SanitizedTable[];
}

/**
 * Runs statements on the hidden database before indexes, triggers and materialised views exist, in one transaction,
 * as the owner, with `public` in the search path. Tables that were written to are rewritten afterwards, because an
 * UPDATE leaves the old row on its page. Repeatable: the statements run once.
 * @throws SanitizeFailed naming the statement; nothing was changed then
 */
export async function runStatements(
  target: Database,
  rebuild: Rebuild,
  statements: readonly string[],
  signal?: AbortSignal,
): Promise<SanitizeOutcome> {
  const fingerprint = createHash('sha256').update(JSON.stringify(statements)).digest('hex');
  return withLoader(target, rebuild, { part: 'sanitize', signal }, async (session) => {
    const { outcome } = await once(session, { step: 'sanitize', subject: '', fingerprint }, async () => {
      await session.execute('SET LOCAL search_path = "$user", public');
      const done = [];
      for (const statement of statements) done.push({ statement, rows: await run(session, statement) });
      await session.execute("SET LOCAL search_path = ''");
      return { statements: done, touched: await readTouched(session) };
    });
    for (const { schema, name } of outcome.touched) {
      await session.execute(`VACUUM (FULL) ${quoteName(schema, name)}`);
    }
    return outcome;
  });
}

/** In a block of PL/pgSQL: it counts the rows, and lets no statement end the transaction. */
async function run(session: Session, statement: string): Promise<number> {
  const text = statement.trim().replace(/;\s*$/, '');
  const block = `DECLARE n bigint; BEGIN
    EXECUTE ${quoteLiteral(text)};
    GET DIAGNOSTICS n = ROW_COUNT;
    PERFORM pg_catalog.set_config('replicator.rows', n::text, true);
  END`;
  try {
    await session.execute(`DO ${quoteLiteral(block)}`);
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    const words = (error.cause as Error | undefined)?.message ?? error.message;
    throw new SanitizeFailed(`a sanitising statement failed, and nothing of it stays (${words}): ${text}`, {
      cause: error,
    });
  }
  const [row] = await session.query<{ rows: string }>(
    "SELECT pg_catalog.current_setting('replicator.rows') AS rows",
  );
  return Number(row?.rows);
}

/** Whoever writes to a table holds a lock on it until the transaction ends, TRUNCATE and ALTER TABLE included. */
async function readTouched(session: Session): Promise<SanitizedTable[]> {
  const tables = await session.query<{ schema: string; name: string; partitioned: boolean }>(
    `SELECT DISTINCT n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS partitioned
       FROM pg_catalog.pg_locks l
       JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
        AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'replicator_bookkeeping')
      ORDER BY 1, 2`,
  );
  const touched: SanitizedTable[] = [];
  for (const { schema, name, partitioned } of tables) {
    const [row] = await session.query<{ rows: string }>(
      `SELECT pg_catalog.count(*)::text AS rows FROM ${partitioned ? '' : 'ONLY '}${quoteName(schema, name)}`,
    );
    touched.push({ schema, name, rows: Number(row?.rows) });
  }
  return touched;
}
