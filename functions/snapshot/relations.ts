import type { Row, Session } from '../postgres/session.ts';

/** pg_class.relkind of what a pattern can name. */
export type RelationKind = 'table' | 'partitioned' | 'foreign' | 'view' | 'materialized' | 'sequence';

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: RelationKind;
  /** Changes with every rewrite (TRUNCATE, ALTER TYPE, VACUUM FULL). */
  readonly filenode: number;
  readonly unlogged: boolean;
  /** On the search path that the role has by itself. */
  readonly visible: boolean;
  /** A partition, which is defined by its parent. */
  readonly partition: boolean;
  /** Partitioned tables or inheritance parents, by oid. */
  readonly parents: readonly number[];
  /**
   * The relation belongs to an extension, which makes it; only the rows that its author marked for dumps
   * (pg_extension_config_dump) are the user's, null where there are no such rows. Undefined: no extension's.
   */
  readonly extension: { readonly name: string; readonly condition: string | null } | undefined;
  readonly mayRead: boolean;
  /** Row security would hide rows from this role. */
  readonly rowSecurity: boolean;
  /** Of a sequence: what owns it. Identity sequences exist only with their table. */
  readonly ownedBy: { readonly oid: number; readonly column: string; readonly identity: boolean } | undefined;
}

const kinds: Record<string, RelationKind> = {
  r: 'table',
  p: 'partitioned',
  f: 'foreign',
  v: 'view',
  m: 'materialized',
  S: 'sequence',
};

// No function here opens a relation: pg_relation_size() would queue for a table that someone is rewriting
const relationsSql = `
  WITH listed AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relfilenode, c.relpersistence, c.relispartition
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')
      AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ), parents AS (
    SELECT inhrelid, pg_catalog.json_agg(inhparent::pg_catalog.int8 ORDER BY inhseqno) AS oids
    FROM pg_catalog.pg_inherits GROUP BY inhrelid
  ), members AS (
    SELECT d.objid, e.oid AS extension, e.extname
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  ), configs AS (
    SELECT DISTINCT ON (c.oid) c.oid, c.condition
    FROM pg_catalog.pg_extension e, ROWS FROM (
      pg_catalog.unnest(e.extconfig), pg_catalog.unnest(e.extcondition)) AS c (oid, condition)
    ORDER BY c.oid
  ), owners AS (
    SELECT DISTINCT ON (d.objid) d.objid, d.refobjid, d.deptype, a.attname
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
    ORDER BY d.objid
  )
  SELECT l.oid::pg_catalog.int8::text AS oid, l.nspname::text AS schema, l.relname::text AS name, l.relkind::text AS kind,
    l.relfilenode::pg_catalog.int8::text AS filenode, l.relpersistence = 'u' AS unlogged, l.relispartition AS partition,
    pg_catalog.pg_table_is_visible(l.oid) AS visible, p.oids::text AS parents,
    m.extname::text AS extension, c.condition, c.oid IS NOT NULL AS configured,
    pg_catalog.has_table_privilege(l.oid, 'SELECT') AS may_read,
    l.relkind IN ('r', 'p') AND pg_catalog.row_security_active(l.oid) AS row_security,
    o.refobjid::pg_catalog.int8::text AS owner, o.attname::text AS owner_column, o.deptype = 'i' AS identity
  FROM listed l
  LEFT JOIN parents p ON p.inhrelid = l.oid
  LEFT JOIN members m ON m.objid = l.oid
  LEFT JOIN configs c ON c.oid = l.oid
  LEFT JOIN owners o ON o.objid = l.oid AND l.relkind = 'S'
  ORDER BY l.nspname COLLATE "C", l.relname COLLATE "C"`;

interface RelationRow extends Row {
  oid: string;
  schema: string;
  name: string;
  kind: string;
  filenode: string;
  unlogged: boolean;
  partition: boolean;
  visible: boolean;
  parents: string | null;
  extension: string | null;
  condition: string | null;
  configured: boolean;
  may_read: boolean | null;
  row_security: boolean | null;
  owner: string | null;
  owner_column: string | null;
  identity: boolean | null;
}

/**
 * Every relation of the database that is neither the system's nor temporary, by schema and name. It waits for no lock.
 * `visible` needs a session whose search path was not set at its start.
 */
export async function readRelations(session: Session): Promise<Relation[]> {
  const rows = await session.query<RelationRow>(relationsSql);
  return rows.map((row) => ({
    oid: Number(row.oid),
    schema: row.schema,
    name: row.name,
    kind: kinds[row.kind] as RelationKind,
    filenode: Number(row.filenode),
    unlogged: row.unlogged,
    visible: row.visible,
    partition: row.partition,
    parents: row.parents === null ? [] : (JSON.parse(row.parents) as number[]),
    extension:
      row.extension === null
        ? undefined
        : { name: row.extension, condition: row.configured ? (row.condition ?? '') : null },
    // null: dropped since the catalogue's snapshot; the lock will find out
    mayRead: row.may_read ?? true,
    rowSecurity: row.row_security ?? false,
    ownedBy:
      row.owner === null
        ? undefined
        : { oid: Number(row.owner), column: row.owner_column ?? '', identity: row.identity ?? false },
  }));
}
