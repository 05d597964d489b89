import { quoteName } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import type { ColumnType } from '../profile/guarded-mask.ts';
import type { Reference } from '../profile/references.ts';
import type { TableShape } from '../profile/resolve-profile.ts';
import type { Relation } from '../snapshot/relations.ts';

/** Columns of one table by name. */
export type Columns = ReadonlyMap<string, ColumnType>;

interface ColumnRow extends Record<string, unknown> {
  oid: string;
  name: string;
  type: string;
  length: number | null;
  not_null: boolean;
}

/** Columns of every table that a profile may name, generated ones left out. Their types have a schema where one is needed. */
export async function readColumns(session: Session): Promise<ReadonlyMap<number, Columns>> {
  await session.execute("SAVEPOINT columns; SET LOCAL search_path = ''");
  const rows = await session.query<ColumnRow>(
    `SELECT a.attrelid::pg_catalog.int8::text AS oid, a.attname::text AS name,
            pg_catalog.format_type(a.atttypid, CASE WHEN a.atttypid IN (1042, 1043) THEN -1 ELSE a.atttypmod END) AS type,
            CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS length,
            a.attnotnull AS not_null
       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
      WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        AND c.relnamespace NOT IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname ~ '^pg_')`,
  );
  await session.execute('ROLLBACK TO SAVEPOINT columns');
  const tables = new Map<number, Map<string, ColumnType>>();
  for (const { oid, name, type, length, not_null } of rows) {
    const columns = tables.get(Number(oid)) ?? new Map<string, ColumnType>();
    columns.set(name, { type, length, notNull: not_null });
    tables.set(Number(oid), columns);
  }
  return tables;
}

/** Foreign keys; those of partitions repeat their parents'. */
export async function readReferences(session: Session): Promise<Reference[]> {
  const rows = await session.query<{ reference: Reference }>(
    `SELECT pg_catalog.json_build_object('constraint', k.conname,
              'table', pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname),
              'to', pg_catalog.json_build_object('schema', tn.nspname, 'name', t.relname),
              'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
                            FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (attnum, place)
                            JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
              'toColumns', (SELECT pg_catalog.json_agg(a.attname ORDER BY u.place)
                              FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (attnum, place)
                              JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)) AS reference
       FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_catalog.pg_class t ON t.oid = k.confrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
      WHERE k.contype = 'f' ORDER BY k.oid`,
  );
  return rows.map(({ reference }) => reference);
}

/** Every table of the source as a profile may name it. */
export function shapesOf(
  relations: readonly Relation[],
  columns: ReadonlyMap<number, Columns>,
  inBackup: ReadonlySet<number>,
): TableShape[] {
  const children = Map.groupBy(
    relations.filter(({ partition }) => partition),
    ({ parents }) => parents[0] ?? 0,
  );
  const leavesOf = ({ oid }: Relation): Relation[] =>
    (children.get(oid) ?? []).flatMap((child) => (child.kind === 'partitioned' ? leavesOf(child) : [child]));
  return relations.flatMap((relation): TableShape[] => {
    const { oid, schema, name, visible, kind } = relation;
    if (kind === 'partitioned') return [{ schema, name, visible, columns: [], leaves: leavesOf(relation) }];
    if (kind !== 'table') return [];
    const own = inBackup.has(oid) ? columns.get(oid) : undefined;
    const notNull = [...(own ?? [])].filter(([, column]) => column.notNull).map(([column]) => column);
    return [{ schema, name, visible, columns: own && [...own.keys()], notNull: new Set(notNull) }];
  });
}

/** Plans statements without running them, in the transaction that the session is in. @returns the server's refusal */
export async function refusal(session: Session, sql: string): Promise<string | undefined> {
  await session.execute('SAVEPOINT profile');
  try {
    await session.execute(`EXPLAIN ${sql}`);
    return undefined;
  } catch (error) {
    await session.execute('ROLLBACK TO SAVEPOINT profile');
    return ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
  }
}

export function fromOnly({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `FROM ONLY ${quoteName(schema, name)}`;
}
