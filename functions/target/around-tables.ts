import type { SequenceEntry, TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { StatementFailed } from '../postgres/errors.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Session } from '../postgres/session.ts';
import { setSequenceValues } from './set-sequences.ts';

/**
 * Gives the sequences that belong to columns of the tables the backup's values; the last thing in the transaction,
 * because a rollback would not undo it. A column's sequence may have another name in the target.
 * @returns notes on columns that have none there
 */
export async function setOwnedSequences(
  session: Session,
  tables: readonly TableEntry[],
  sequences: readonly SequenceEntry[],
): Promise<string[]> {
  const selected = new Set(tables.map(relationKey));
  const owned = await readOwned(session, tables);
  const notes: string[] = [];
  const values: SequenceEntry[] = [];
  for (const sequence of sequences) {
    const owner = sequence.ownedBy;
    if (!owner || !selected.has(relationKey({ schema: owner.schema, name: owner.table }))) continue;
    const found = owned.get(JSON.stringify([owner.schema, owner.table, owner.column]));
    if (found) values.push({ ...sequence, ...found });
    else
      notes.push(
        `${owner.schema}.${owner.table}.${owner.column} has no sequence in the target: none was set`,
      );
  }
  await setSequenceValues(session, values);
  return notes;
}

async function readOwned(
  session: Session,
  tables: readonly RelationName[],
): Promise<Map<string, RelationName>> {
  const rows = await session.query<{
    schema: string;
    name: string;
    owner_schema: string;
    owner_table: string;
    owner_column: string;
  }>(
    `SELECT sn.nspname AS schema, s.relname AS name,
            n.nspname AS owner_schema, c.relname AS owner_table, a.attname AS owner_column
       FROM pg_catalog.pg_depend d
       JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
       JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
       JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
       JOIN unnest($1::text[], $2::text[]) AS w (schema, name)
         ON w.schema = n.nspname AND w.name = c.relname
      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.deptype IN ('a', 'i')`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Map(
    rows.map((row) => [
      JSON.stringify([row.owner_schema, row.owner_table, row.owner_column]),
      { schema: row.schema, name: row.name },
    ]),
  );
}

/**
 * Refreshes materialised views that read the tables, directly or through other views, those first that others read. After
 * the commit: one that can't be refreshed is as it was, and is named. Views that nobody had filled stay empty.
 * @returns notes on those that still show the old rows
 */
export async function refreshViewsOn(session: Session, tables: readonly RelationName[]): Promise<string[]> {
  const rows = await session.query<{ view: string }>(
    `WITH RECURSIVE reads AS (
       SELECT DISTINCT d.refobjid AS relation, r.ev_class AS view
         FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
          AND d.refobjid <> r.ev_class),
     above AS (
       SELECT reads.view, 1 AS depth FROM reads WHERE reads.relation IN (${withPartitioned})
       UNION SELECT reads.view, above.depth + 1 FROM above JOIN reads ON reads.relation = above.view
        WHERE above.depth < 100)
     SELECT c.oid::regclass::text AS view
       FROM above JOIN pg_catalog.pg_class c ON c.oid = above.view
      WHERE c.relkind = 'm' AND c.relispopulated GROUP BY c.oid ORDER BY pg_catalog.max(above.depth), 1`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  const notes: string[] = [];
  for (const { view } of rows) {
    const statement = `REFRESH MATERIALIZED VIEW ${view}`;
    await session.execute(statement).catch((error: unknown) => {
      if (!(error instanceof StatementFailed)) throw error;
      notes.push(`materialised view ${view} still shows the old rows (${error.message}): ${statement}`);
    });
  }
  return notes;
}

/** The tables, and those that they are partitions of: views read either. */
const withPartitioned = `SELECT a.relid FROM unnest($1::text[], $2::text[]) AS w (schema, name)
         JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
         JOIN pg_catalog.pg_class t ON t.relnamespace = n.oid AND t.relname = w.name
        CROSS JOIN LATERAL (SELECT t.oid AS relid
              UNION SELECT p.relid::oid FROM pg_catalog.pg_partition_ancestors(t.oid) AS p (relid)) a`;
