import type { TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { quoteName } from '../postgres/quote.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database, Session } from '../postgres/session.ts';
import { bookkeepingSchema, readDone } from './bookkeeping.ts';
import { definitionWork } from './piece.ts';
import type { Rebuild } from './rebuild.ts';
import { runWork, type WorkOptions } from './run-work.ts';
import { withLoader } from './sessions.ts';
import { longestFirst } from './table-sizes.ts';

const step = 'analyze';
/** Tables under this size are gathered in a moment, many in one transaction. */
const smallBytes = 256 * 1024;
const smallOnes = 25;

/**
 * Gathers the planner's statistics of every table and materialised view, largest first, each once.
 * @throws DefinitionFailed naming the table; WorkVanished
 */
export async function analyzeTables(
  target: Database,
  rebuild: Rebuild,
  options: WorkOptions & { readonly tables: readonly TableEntry[] },
): Promise<{ readonly analyzed: number; readonly more: boolean }> {
  const { tables, signal } = options;
  const { found, done } = await withLoader(target, rebuild, { part: 'analyze', signal }, async (session) => ({
    found: await readTables(session),
    done: await readDone(session, step),
  }));
  const small = new Set(tables.filter(({ rawBytes }) => rawBytes < smallBytes).map(relationKey));
  const ordered = longestFirst(found, (table) => table, tables);
  const alone = ordered.filter((table) => !small.has(relationKey(table))).map((table) => [table]);
  const rest = ordered.filter((table) => small.has(relationKey(table)));
  const together = Array.from({ length: Math.ceil(rest.length / smallOnes) }, (_, group) =>
    rest.slice(group * smallOnes, (group + 1) * smallOnes),
  );
  const works = [...alone, ...together]
    .map((group) => definitionWork(step, group.map(analyze)))
    .filter(({ subject }) => !done.has(subject));
  const all = await runWork(
    target,
    rebuild,
    works.map((work) => [work]),
    { ...options, part: 'analyze' },
  );
  return { analyzed: found.length, more: !all };
}

function analyze({ schema, name }: RelationName): string {
  return `ANALYZE ${quoteName(schema, name)}`;
}

/** A partitioned table's ANALYZE does its partitions too, so that only the root is asked for. */
async function readTables(session: Session): Promise<RelationName[]> {
  return session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm', 'p') AND NOT c.relispartition
        AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', $1)
      ORDER BY 1, 2`,
    [bookkeepingSchema],
  );
}
