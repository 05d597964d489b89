import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { DefinitionsFailed, ExclusionBreaksOthers } from './errors.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Names that pg_dump looks for in one query. */
const atOnce = 100;
/** Bytes of names that pg_dump's small stack has room for beside its work. */
const mostArgumentBytes = 8 * 1024;

/**
 * What makes pg_dump leave out exactly these tables: its options, and the filter file that they have it read from
 * standard input (PostgreSQL manual, pg_dump, "--filter"), where any number of names has room. A carriage return is the
 * one character that such a file can't hold.
 * @throws DefinitionsFailed when too many names have one
 */
export function exclusionOf(tables: readonly TableName[]): { args: string[]; input: string } {
  const hasReturn = ({ schema, name }: TableName) => `${schema}${name}`.includes('\r');
  const returns = tables.filter(hasReturn);
  const args = patternsOf(returns).map((pattern) => `--exclude-table=${pattern}`);
  if (Buffer.byteLength(args.join('')) > mostArgumentBytes)
    throw new DefinitionsFailed(
      `${returns.length} tables whose names hold a carriage return are too many to leave out: rename them`,
    );
  const lines = patternsOf(tables.filter((table) => !hasReturn(table))).map(
    (pattern) => `exclude table ${pattern.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`,
  );
  return lines.length === 0 ? { args, input: '' } : { args: [...args, '--filter=-'], input: lines.join('') };
}

/**
 * pg_dump's patterns for exactly these tables: nothing is special inside double quotes, and outside of them they are
 * regular expressions, so that `"s".("a"|"b")` is two tables.
 */
function patternsOf(tables: readonly TableName[]): string[] {
  const bySchema = Map.groupBy(tables, ({ schema }) => schema);
  return [...bySchema].flatMap(([schema, all]) =>
    Array.from({ length: Math.ceil(all.length / atOnce) }, (_, group) => {
      const some = all.slice(group * atOnce, (group + 1) * atOnce);
      return `${quoteIdentifier(schema)}.(${some.map(({ name }) => quoteIdentifier(name)).join('|')})`;
    }),
  );
}

interface Dependent extends Record<string, unknown> {
  readonly dependent: string;
  readonly needs: string;
}

/**
 * pg_dump leaves a table out and keeps what is made of it: a foreign key to it, a view on it, a partition of it. Such a
 * dump doesn't load.
 * @throws ExclusionBreaksOthers naming the first few of those
 */
export async function checkNothingNeeds(session: Session, excluded: readonly TableName[]): Promise<void> {
  if (excluded.length === 0) return;
  const dependents = await session.query<Dependent>(dependentsSql, [
    JSON.stringify(excluded.map(({ schema, name }) => [schema, name])),
  ]);
  if (dependents.length === 0) return;
  const named = dependents.slice(0, 5).map(({ dependent, needs }) => `${dependent} needs ${needs}`);
  const more = dependents.length > named.length ? `, and ${dependents.length - named.length} more` : '';
  throw new ExclusionBreaksOthers(
    `these definitions can't do without tables that are left out: ${named.join('; ')}${more}. ` +
      'Leave those out as well, or keep the table and leave only its rows out (--exclude-table-data)',
  );
}

/** Objects of no table, or of a table that stays, which depend on an excluded table or on its row type. */
const dependentsSql = `
  WITH excluded AS (
    SELECT c.oid, c.reltype, t.typarray
    FROM pg_catalog.json_array_elements($1::json) AS given(pair)
    JOIN pg_catalog.pg_namespace n ON n.nspname = given.pair ->> 0
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = given.pair ->> 1
    LEFT JOIN pg_catalog.pg_type t ON t.oid = c.reltype
  ), needed AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass AS class, oid, oid AS excluded FROM excluded
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, type, oid
    FROM excluded CROSS JOIN LATERAL (VALUES (reltype), (typarray)) AS types(type) WHERE type <> 0
  ), dependents AS (
    SELECT DISTINCT d.classid, d.objid, needed.excluded,
      CASE d.classid
        WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid
        WHEN 'pg_catalog.pg_rewrite'::pg_catalog.regclass THEN (SELECT ev_class FROM pg_catalog.pg_rewrite WHERE oid = d.objid)
        WHEN 'pg_catalog.pg_constraint'::pg_catalog.regclass THEN (SELECT NULLIF(conrelid, 0) FROM pg_catalog.pg_constraint WHERE oid = d.objid)
        WHEN 'pg_catalog.pg_attrdef'::pg_catalog.regclass THEN (SELECT adrelid FROM pg_catalog.pg_attrdef WHERE oid = d.objid)
        WHEN 'pg_catalog.pg_trigger'::pg_catalog.regclass THEN (SELECT tgrelid FROM pg_catalog.pg_trigger WHERE oid = d.objid)
        WHEN 'pg_catalog.pg_policy'::pg_catalog.regclass THEN (SELECT polrelid FROM pg_catalog.pg_policy WHERE oid = d.objid)
      END AS owner
    FROM pg_catalog.pg_depend d
    JOIN needed ON d.refclassid = needed.class AND d.refobjid = needed.oid
    WHERE d.deptype <> 'i' AND d.classid IN (
      'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_rewrite'::pg_catalog.regclass,
      'pg_catalog.pg_constraint'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
      'pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_policy'::pg_catalog.regclass,
      'pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass,
      'pg_catalog.pg_cast'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
  )
  SELECT pg_catalog.pg_describe_object(classid, objid, 0) AS dependent,
    pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, dependents.excluded, 0) AS needs
  FROM dependents LEFT JOIN pg_catalog.pg_class c ON c.oid = dependents.owner
  WHERE (dependents.owner IS NULL OR c.oid IS NOT NULL AND c.oid NOT IN (SELECT oid FROM excluded))
    AND (c.relkind IS NULL OR c.relkind NOT IN ('i', 'I', 't', 'S'))
  ORDER BY 2, 1`;
