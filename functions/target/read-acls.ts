import type { Session } from '../postgres/session.ts';
import { type AclEntry, type AclHolder, explode } from './acl.ts';

const notOurs = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/** A query of one kind of object: its columns are object, column, owner, acl (never null). */
function kind(from: string, object: string, owner: string, acl: string, type: string, where: string): string {
  return `SELECT ${object} AS object, NULL::text AS column, ${owner} AS owner,
                 coalesce(${acl}, pg_catalog.acldefault(${type}, ${owner})) AS acl
            FROM ${from} WHERE ${where}`;
}

const inSchema = 'JOIN pg_catalog.pg_namespace n ON n.oid =';

const holders = [
  kind(
    'pg_catalog.pg_namespace n',
    "pg_catalog.format('SCHEMA %I', n.nspname)",
    'n.nspowner',
    'n.nspacl',
    "'n'",
    notOurs,
  ),
  kind(
    `pg_catalog.pg_class c ${inSchema} c.relnamespace`,
    "pg_catalog.format('%s %I.%I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname)",
    'c.relowner',
    'c.relacl',
    `(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char"`,
    `c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${notOurs}`,
  ),
  kind(
    `pg_catalog.pg_proc p ${inSchema} p.pronamespace`,
    "pg_catalog.format('ROUTINE %I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))",
    'p.proowner',
    'p.proacl',
    "'f'",
    notOurs,
  ),
  kind(
    `pg_catalog.pg_type t ${inSchema} t.typnamespace`,
    "pg_catalog.format('TYPE %I.%I', n.nspname, t.typname)",
    't.typowner',
    't.typacl',
    "'T'",
    // Rows of tables, arrays and multiranges follow another type or table
    `t.typtype <> 'm' AND NOT (t.typelem <> 0 AND t.typlen = -1)
       AND (t.typtype <> 'c' OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
       AND ${notOurs}`,
  ),
  kind(
    'pg_catalog.pg_language l',
    "pg_catalog.format('LANGUAGE %I', l.lanname)",
    'l.lanowner',
    'l.lanacl',
    "'l'",
    'l.lanpltrusted',
  ),
  kind(
    'pg_catalog.pg_foreign_data_wrapper w',
    "pg_catalog.format('FOREIGN DATA WRAPPER %I', w.fdwname)",
    'w.fdwowner',
    'w.fdwacl',
    "'F'",
    'true',
  ),
  kind(
    'pg_catalog.pg_foreign_server s',
    "pg_catalog.format('FOREIGN SERVER %I', s.srvname)",
    's.srvowner',
    's.srvacl',
    "'S'",
    'true',
  ),
  `SELECT pg_catalog.format('TABLE %I.%I', n.nspname, c.relname), a.attname::text, c.relowner, a.attacl
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid ${inSchema} c.relnamespace
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND ${notOurs}`,
];

/** All objects of a database that rights can be granted on, and their rights, defaults spelt out. */
export async function readAcls(session: Session): Promise<AclHolder[]> {
  return session.query<AclHolder & Record<string, unknown>>(
    `SELECT h.object, h.column, o.rolname AS owner, o.rolsuper AS "ownerIsSuperuser", ${explode('h.acl')} AS entries
       FROM (${holders.join('\nUNION ALL\n')}) h
       JOIN pg_catalog.pg_roles o ON o.oid = h.owner`,
  );
}

/** What a role gives away of each object that it makes, in one schema or (null) everywhere. */
export interface DefaultAcl {
  readonly role: string;
  readonly schema: string | null;
  /** `TABLES`, `SEQUENCES`, … */
  readonly objects: string;
  readonly entries: readonly AclEntry[];
  /** What it would be without; none inside a schema, whose entries only add. */
  readonly without: readonly AclEntry[];
}

export async function readDefaultAcls(session: Session): Promise<DefaultAcl[]> {
  return session.query<DefaultAcl & Record<string, unknown>>(
    `SELECT r.rolname AS role, n.nspname AS schema, ${explode('d.defaclacl')} AS entries,
            CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                                 WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS objects,
            CASE WHEN d.defaclnamespace <> 0 THEN '[]'
                 ELSE ${explode("pg_catalog.acldefault((CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END)::\"char\", d.defaclrole)")}
             END AS without
       FROM pg_catalog.pg_default_acl d
       JOIN pg_catalog.pg_roles r ON r.oid = d.defaclrole
       LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
      ORDER BY 1, 2 NULLS FIRST, d.defaclobjtype`,
  );
}
