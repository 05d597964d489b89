import type { TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { inParallel } from './in-parallel.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader, withLoader } from './sessions.ts';
import { longestFirst } from './table-sizes.ts';

/** Gathers the planner's statistics of every table and materialised view, largest first. Repeatable. */
export async function analyzeTables(
  target: Database,
  rebuild: Rebuild,
  options: {
    readonly tables: readonly TableEntry[];
    readonly jobs: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<{ readonly analyzed: number }> {
  const { tables, jobs, signal } = options;
  const found = await withLoader(target, rebuild, { part: 'analyze', signal }, readTables);
  await inParallel(
    longestFirst(found, (table) => table, tables),
    jobs,
    (worker) => openLoader(target, rebuild, { part: `analyze:${worker}`, signal }),
    (session, { schema, name }) => session.execute(`ANALYZE ${quoteName(schema, name)}`),
  );
  return { analyzed: found.length };
}

/** A partitioned table's ANALYZE does its partitions too, so that only the root is asked for. */
async function readTables(session: Session): Promise<RelationName[]> {
  return session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm', 'p') AND NOT c.relispartition
        AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      ORDER BY 1, 2`,
  );
}
