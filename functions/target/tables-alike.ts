import type { TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Session } from '../postgres/session.ts';
import { TableDiffers } from './errors.ts';

/**
 * Refuses tables whose rows can't simply take the place of the target's: left out of the backup, missing, with other
 * columns, or partitions that only make sense together.
 * @throws TableDiffers with everything found
 */
export async function checkTablesAlike(
  hidden: Session,
  target: Session,
  tables: readonly TableEntry[],
): Promise<void> {
  const [from, into] = [await readColumns(hidden, tables), await readColumns(target, tables)];
  const findings = [
    ...tables.flatMap((table) => findDifference(table, from, into)),
    ...(await findIncompletePartitions(target, tables)),
  ];
  if (findings.length === 0) return;
  const list = findings.map((finding) => `\n- ${finding}`).join('');
  throw new TableDiffers(`these tables can't be restored alone, nothing was changed:${list}`);
}

type Columns = ReadonlyMap<string, ReadonlyMap<string, string>>;

function findDifference(table: TableEntry, from: Columns, into: Columns): string[] {
  const name = `${table.schema}.${table.name}`;
  if (table.content !== 'rows') return [`${name}: its rows were left out of the backup`];
  const [theirs, ours] = [from.get(relationKey(table)), into.get(relationKey(table))];
  if (!ours) return [`${name}: the target has no such table`];
  if (!theirs) return [`${name}: the backup's definitions have no such table`];
  const columns = new Set([...theirs.keys(), ...ours.keys()]);
  return [...columns].flatMap((column) => {
    const [there, here] = [theirs.get(column), ours.get(column)];
    if (there === here) return [];
    return [
      `${name}.${column}: ${there ?? 'no such column'} in the backup, ${here ?? 'no such column'} in the target`,
    ];
  });
}

async function readColumns(session: Session, tables: readonly RelationName[]): Promise<Columns> {
  const rows = await session.query<{ schema: string; name: string; columns: Record<string, string> }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            coalesce(pg_catalog.json_object_agg(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
              || CASE WHEN a.attgenerated <> '' THEN ' (generated)' ELSE '' END)
              FILTER (WHERE a.attname IS NOT NULL), '{}') AS columns
       FROM unnest($1::text[], $2::text[]) AS w (schema, name)
       JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind = 'r'
       LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      GROUP BY 1, 2`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Map(rows.map((row) => [relationKey(row), new Map(Object.entries(row.columns))]));
}

/** Rows that are loaded through a partitioned table land in any of its partitions: all of them must be replaced. */
async function findIncompletePartitions(session: Session, tables: readonly TableEntry[]): Promise<string[]> {
  const selected = new Set(tables.map(relationKey));
  const roots = new Map(
    tables.flatMap(({ loadThrough }) => (loadThrough ? [[relationKey(loadThrough), loadThrough]] : [])),
  );
  const findings: string[] = [];
  for (const root of roots.values()) {
    const leaves = await session.query<RelationName & Record<string, unknown>>(
      `SELECT n.nspname AS schema, c.relname AS name
         FROM pg_catalog.pg_partition_tree((SELECT c.oid FROM pg_catalog.pg_class c
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)) t
         JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE t.isleaf`,
      [root.schema, root.name],
    );
    const missing = leaves.filter((leaf) => !selected.has(relationKey(leaf)));
    if (leaves.length === 0) findings.push(`${root.schema}.${root.name}: the target has no such table`);
    if (missing.length > 0)
      findings.push(
        `${root.schema}.${root.name} is partitioned by a hash that differs between databases: select all its partitions (${missing.map(({ name }) => name).join(', ')} too)`,
      );
  }
  return findings;
}
