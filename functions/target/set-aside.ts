import type { RelationName } from '../definitions/post-data-groups.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';

/** A statement that undoes another, with what it is about. */
export interface PutBack {
  readonly what: string;
  readonly statement: string;
  /** Of a foreign key: how to count the rows that would refer to nothing, and whose they are. */
  readonly orphans?: { readonly count: string; readonly of: string; readonly missing: string };
}

/** Something of the target that stands in the way of new rows, and comes back in the same transaction. */
export interface Aside {
  /** Tables (quoted names) that are locked with it. */
  readonly tables: readonly string[];
  readonly remove: string;
  readonly putBack: readonly PutBack[];
}

interface ForeignKeyRow extends Record<string, unknown> {
  readonly name: string;
  readonly relation: string;
  readonly references: string;
  readonly partitioned: boolean;
  /** Columns at both ends, in pairs. */
  readonly pairs: readonly (readonly [string, string])[];
  readonly definition: string;
  readonly comment: string | null;
}

/**
 * Foreign keys from and to the tables, those of whole partitioned tables for their partitions, as they have to be put
 * back: NOT VALID and DEFERRABLE are part of PostgreSQL's own definition of them, the comment is not.
 * Needs an empty search_path.
 */
export async function foreignKeysAround(session: Session, tables: readonly RelationName[]): Promise<Aside[]> {
  const rows = await session.query<ForeignKeyRow>(
    `WITH RECURSIVE selected AS (${selectedOids}), up AS (
       SELECT k.oid, k.conparentid FROM pg_catalog.pg_constraint k
        WHERE k.contype = 'f' AND (k.conrelid IN (SELECT oid FROM selected) OR k.confrelid IN (SELECT oid FROM selected))
       UNION
       SELECT k.oid, k.conparentid FROM pg_catalog.pg_constraint k JOIN up ON k.oid = up.conparentid)
     SELECT k.conname AS name, k.conrelid::regclass::text AS relation, k.confrelid::regclass::text AS "references",
            c.relkind = 'p' AS partitioned,
            (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attname, f.attname) ORDER BY u.at)
               FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (here, there, at)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.here
               JOIN pg_catalog.pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.there) AS pairs, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
            pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
       FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
      WHERE k.oid IN (SELECT oid FROM up WHERE conparentid = 0) ORDER BY 2, 1`,
    names(tables),
  );
  return rows.map((row) => {
    const { name, relation, references, partitioned, definition, comment } = row;
    const what = `foreign key ${name} of ${relation}`;
    const constraint = quoteIdentifier(name);
    const table = partitioned ? relation : `ONLY ${relation}`;
    const add = `ALTER TABLE ${table} ADD CONSTRAINT ${constraint} ${definition}`;
    const say = `COMMENT ON CONSTRAINT ${constraint} ON ${relation} IS ${quoteLiteral(comment ?? '')}`;
    return {
      tables: [relation, references],
      remove: `ALTER TABLE ${table} DROP CONSTRAINT ${constraint}`,
      putBack: [
        { what, statement: add, orphans: orphansOf(row) },
        ...(comment === null ? [] : [{ what, statement: say }]),
      ],
    };
  });
}

function orphansOf({ relation, references, partitioned, pairs }: ForeignKeyRow): PutBack['orphans'] & object {
  const refers = pairs.map(([here]) => `c.${quoteIdentifier(here)} IS NOT NULL`).join(' AND ');
  const found = pairs.map(([here, there]) => `p.${quoteIdentifier(there)} = c.${quoteIdentifier(here)}`);
  return {
    of: relation,
    missing: references,
    count: `SELECT pg_catalog.count(*)::text AS count FROM ${partitioned ? '' : 'ONLY '}${relation} c
             WHERE ${refers} AND NOT EXISTS (SELECT FROM ${references} p WHERE ${found.join(' AND ')})`,
  };
}

/** Enabled triggers of the tables; each comes back in the state it had (origin, replica, always). */
export async function triggersOf(session: Session, tables: readonly RelationName[]): Promise<Aside[]> {
  const rows = await session.query<{ trigger: string; relation: string; state: string }>(
    `SELECT t.tgname AS trigger, t.tgrelid::regclass::text AS relation, t.tgenabled AS state
       FROM pg_catalog.pg_trigger t
      WHERE t.tgrelid IN (${selectedOids}) AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 2, 1`,
    names(tables),
  );
  const modes: Record<string, string> = { O: 'ENABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' };
  return rows.map(({ trigger, relation, state }) => {
    const named = `TRIGGER ${quoteIdentifier(trigger)}`;
    return {
      tables: [relation],
      remove: `ALTER TABLE ONLY ${relation} DISABLE ${named}`,
      putBack: [
        {
          what: `trigger ${trigger} of ${relation}`,
          statement: `ALTER TABLE ONLY ${relation} ${modes[state]} ${named}`,
        },
      ],
    };
  });
}

/**
 * FORCE ROW LEVEL SECURITY would keep the owner from COPY, and from checking foreign keys.
 * @param relations quoted names
 */
export async function forcedPolicies(session: Session, relations: readonly string[]): Promise<Aside[]> {
  const rows = await session.query<{ relation: string }>(
    `SELECT c.oid::regclass::text AS relation FROM pg_catalog.pg_class c
      WHERE c.oid = ANY ($1::text[]::regclass[]) AND c.relforcerowsecurity ORDER BY 1`,
    [[...relations]],
  );
  return rows.map(({ relation }) => ({
    tables: [relation],
    remove: `ALTER TABLE ONLY ${relation} NO FORCE ROW LEVEL SECURITY`,
    putBack: [
      {
        what: `row security of ${relation}`,
        statement: `ALTER TABLE ONLY ${relation} FORCE ROW LEVEL SECURITY`,
      },
    ],
  }));
}

const selectedOids = `SELECT c.oid FROM unnest($1::text[], $2::text[]) AS w (schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name`;

function names(tables: readonly RelationName[]): [string[], string[]] {
  return [tables.map(({ schema }) => schema), tables.map(({ name }) => name)];
}
