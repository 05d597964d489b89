import type { Session } from '../postgres/session.ts';

/** What the database that is to be replaced is like, and what the connecting role may do there. */
export interface TargetFacts {
  readonly database: string;
  readonly oid: string;
  /** `150018` */
  readonly serverVersion: number;
  readonly encoding: string;
  readonly localeProvider: 'libc' | 'icu' | 'builtin';
  readonly collate: string;
  readonly ctype: string;
  /** ICU or builtin locale. */
  readonly locale: string | null;
  readonly icuRules: string | null;
  /** null: the server's default. */
  readonly tablespace: string | null;
  readonly databaseOwner: string;
  /** Who tables, functions and the rest will belong to; `objectOwnerOf` says how it is chosen. */
  readonly objectOwner: string;
  readonly login: string;
  readonly superuser: boolean;
  readonly createdb: boolean;
  /** The login has the owner's privileges (for ALTER DATABASE) and may SET ROLE to it. */
  readonly actsAsOwner: boolean;
}

interface DatabaseRow extends Record<string, unknown> {
  readonly encoding: string;
  readonly tablespace: string;
  readonly owner: string;
  readonly login: string;
  readonly superuser: boolean;
  readonly createdb: boolean;
  readonly owner_is_super: boolean;
  readonly acts_as_owner: boolean;
  /** Every column that pg_database has in this version of the server. */
  readonly entry: Readonly<Record<string, string | null>>;
}

const providers = new Map([
  ['c', 'libc'],
  ['i', 'icu'],
  ['b', 'builtin'],
] as const);

/** Reads the facts of the database that the session is connected to. */
export async function readTargetFacts(session: Session): Promise<TargetFacts> {
  const [row] = await session.query<DatabaseRow>(`
    SELECT pg_catalog.to_jsonb(d) AS entry, d.oid::text AS oid,
           pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
           t.spcname AS tablespace, o.rolname AS owner, o.rolsuper AS owner_is_super,
           l.rolname AS login, l.rolsuper AS superuser, l.rolsuper OR l.rolcreatedb AS createdb,
           pg_catalog.pg_has_role(o.oid, 'USAGE')
             AND pg_catalog.pg_has_role(o.oid, '${setPrivilege(session)}') AS acts_as_owner
      FROM pg_catalog.pg_database d
      JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
      JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
      JOIN pg_catalog.pg_roles l ON l.rolname = current_user
     WHERE d.datname = pg_catalog.current_database()`);
  if (row === undefined) throw new TypeError('pg_database has no row for the current database');
  const { entry } = row;
  return {
    database: String(entry.datname),
    oid: String(entry.oid),
    serverVersion: session.serverVersion,
    encoding: row.encoding,
    localeProvider: providers.get((entry.datlocprovider ?? 'c') as 'c') ?? 'libc',
    collate: String(entry.datcollate),
    ctype: String(entry.datctype),
    // 15 and 16 call it daticulocale, 17 and newer datlocale
    locale: entry.datlocale ?? entry.daticulocale ?? null,
    icuRules: entry.daticurules ?? null,
    tablespace: row.tablespace === 'pg_default' ? null : row.tablespace,
    databaseOwner: row.owner,
    objectOwner: row.owner_is_super ? await objectOwnerOf(session, row.owner) : row.owner,
    login: row.login,
    superuser: row.superuser,
    createdb: row.createdb,
    actsAsOwner: row.acts_as_owner,
  };
}

/** Since 16 a membership says by itself whether it allows SET ROLE (PostgreSQL manual, GRANT, "WITH SET"). */
export function setPrivilege(session: Session): 'SET' | 'MEMBER' {
  return session.serverVersion >= 160_000 ? 'SET' : 'MEMBER';
}

/**
 * A database that belongs to a superuser while its tables belong to an application's role is common
 * (`CREATE DATABASE nautobot; GRANT ALL ON DATABASE nautobot TO nautobot`): that application could not
 * use, nor migrate, tables of the superuser's. So the role with most tables is the owner of objects there.
 */
async function objectOwnerOf(session: Session, databaseOwner: string): Promise<string> {
  const [row] = await session.query<{ owner: string }>(`
    SELECT r.rolname AS owner
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT r.rolsuper AND pg_catalog.pg_has_role(r.oid, '${setPrivilege(session)}')
     GROUP BY r.rolname ORDER BY pg_catalog.count(*) DESC, r.rolname LIMIT 1`);
  return row?.owner ?? databaseOwner;
}
