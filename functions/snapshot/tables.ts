import { z } from 'zod';
import type { Row, Session } from '../postgres/session.ts';
import type { Relation } from './relations.ts';

/** What is read in place of rows as they are. */
export const RowsChanged = z.object({
  /** Column and SQL of what takes its place, in terms of the row. */
  columns: z.array(z.tuple([z.string(), z.string()])),
  /** SQL of the rows that stay; null: all. */
  where: z.string().nullable(),
  /** It takes the key of the masks. */
  keyed: z.boolean(),
});
export type RowsChanged = z.infer<typeof RowsChanged>;

/** A table whose rows are to be read, as it is under the snapshot. */
export const TableToRead = z.object({
  oid: z.int().positive(),
  schema: z.string(),
  name: z.string(),
  /** In the order of the table; generated and dropped ones are left out. */
  columns: z.array(z.string()),
  /** Heap pages. */
  pages: z.int().nonnegative(),
  /** Heap and TOAST. */
  bytes: z.int().nonnegative(),
  /** `WHERE …` of an extension's author that tells the user's rows from the extension's own. */
  condition: z.string().nullable(),
  loadThrough: z.object({ schema: z.string(), name: z.string() }).nullable(),
  /** How a profile changes the rows that are read. */
  changed: RowsChanged.optional(),
});
export type TableToRead = z.infer<typeof TableToRead>;

interface TableRow extends Row {
  oid: string;
  columns: string | null;
  pages: string;
  bytes: string;
}

// attgenerated came with PostgreSQL 12, the oldest that is read
const tablesSql = `
  SELECT t.oid::pg_catalog.int8::text AS oid, c.columns::text AS columns,
    (pg_catalog.pg_relation_size(t.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8)::text AS pages,
    pg_catalog.pg_table_size(t.oid)::text AS bytes
  FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS t (oid)
  LEFT JOIN (
    SELECT attrelid, pg_catalog.json_agg(attname ORDER BY attnum) AS columns
    FROM pg_catalog.pg_attribute
    WHERE attnum > 0 AND NOT attisdropped AND attgenerated = ''
    GROUP BY attrelid
  ) c ON c.attrelid = t.oid`;

/**
 * Columns and sizes of tables. The sizes open each table, so the session should hold locks on them: else it may wait.
 * @param all every relation of the database, for the way up to a partition's root
 */
export async function readTables(
  session: Session,
  tables: readonly Relation[],
  all: readonly Relation[],
): Promise<TableToRead[]> {
  const rows = await session.query<TableRow>(tablesSql, [oidArray(tables.map(({ oid }) => oid))]);
  const found = new Map(rows.map((row) => [Number(row.oid), row]));
  const rootOf = await unsafeRoots(session, all);
  return tables.map((table) => {
    const row = found.get(table.oid);
    return {
      oid: table.oid,
      schema: table.schema,
      name: table.name,
      columns: JSON.parse(row?.columns ?? '[]') as string[],
      pages: Number(row?.pages ?? 0),
      bytes: Number(row?.bytes ?? 0),
      condition: table.extension?.condition || null,
      loadThrough: rootOf(table),
    };
  });
}

/** `{1,2,3}`, for a parameter of type oid[]. */
export function oidArray(oids: readonly number[]): string {
  return `{${oids.join(',')}}`;
}

/**
 * Hash partitions whose key's hash is not the same in every database: it is made of label OIDs (an enum, or an array,
 * row or range that may hold one), or of what a collation library makes of a text that it says equals another.
 * pg_dump loads such rows through the root too, for enums.
 */
const unsafeHashSql = `
  SELECT p.partrelid::pg_catalog.int8::text AS oid
  FROM pg_catalog.pg_partitioned_table p
  WHERE p.partstrat = 'h' AND (
    EXISTS (
      SELECT FROM pg_catalog.unnest(p.partclass::pg_catalog.oid[]) AS k (oid)
      JOIN pg_catalog.pg_opclass o ON o.oid = k.oid
      WHERE o.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace
        AND o.opcname IN ('enum_ops', 'array_ops', 'record_ops', 'range_ops', 'multirange_ops'))
    OR EXISTS (
      SELECT FROM pg_catalog.unnest(p.partcollation::pg_catalog.oid[]) AS k (oid)
      JOIN pg_catalog.pg_collation l ON l.oid = k.oid
      WHERE NOT l.collisdeterministic))`;

type Root = { readonly schema: string; readonly name: string } | null;

async function unsafeRoots(session: Session, all: readonly Relation[]): Promise<(table: Relation) => Root> {
  const rows = await session.query<{ oid: string }>(unsafeHashSql);
  const unsafe = new Set(rows.map(({ oid }) => Number(oid)));
  const byOid = new Map(all.map((relation) => [relation.oid, relation]));
  return (table) => {
    let through = false;
    let at = table;
    while (at.partition) {
      const parent = byOid.get(at.parents[0] ?? 0);
      if (parent === undefined) break;
      at = parent;
      through ||= unsafe.has(at.oid);
    }
    return through ? { schema: at.schema, name: at.name } : null;
  };
}
