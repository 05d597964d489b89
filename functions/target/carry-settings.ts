import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { type AclEntry, changes, explode } from './acl.ts';
import type { Carried } from './carry-grants.ts';
import type { Rebuild } from './rebuild.ts';
import { tryEach } from './try-each.ts';

/**
 * Copies `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET` from the target to the hidden database, from
 * any other database, inside the caller's transaction.
 * @returns the settings by name, and notes on what was refused
 */
export async function carrySettings(session: Session, rebuild: Rebuild): Promise<Carried> {
  const rows = await session.query<{ role: string | null; settings: string[] }>(
    `SELECT r.rolname AS role, s.setconfig AS settings
       FROM pg_catalog.pg_db_role_setting s
       JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
       LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
      WHERE d.datname = $1 AND (s.setrole = 0 OR r.oid IS NOT NULL) ORDER BY 1 NULLS FIRST`,
    [rebuild.target],
  );
  const database = `DATABASE ${quoteIdentifier(rebuild.hidden)}`;
  const statements = rows.flatMap(({ role, settings }) =>
    settings.map((setting) => {
      const whose =
        role === null ? `ALTER ${database}` : `ALTER ROLE ${quoteIdentifier(role)} IN ${database}`;
      return `${whose} SET ${settingClause(setting)}`;
    }),
  );
  const carried = rows.map(({ role, settings }) => {
    const names = settings.map((setting) => setting.slice(0, setting.indexOf('='))).join(', ');
    return `settings${role === null ? '' : ` of role "${role}"`}: ${names}`;
  });
  const notes = await tryEach(session, statements, 'a setting of the database could not be carried over');
  return { carried, notes };
}

/** Settings whose value is a list of names: each is quoted by itself (as pg_dump writes them). */
const lists = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/** `name=value` of the catalogue as SET's clause. */
export function settingClause(setting: string): string {
  const equals = setting.indexOf('=');
  const name = setting.slice(0, equals);
  const value = setting.slice(equals + 1);
  const quoted = name.split('.').map(quoteIdentifier).join('.');
  const values = lists.has(name.toLowerCase()) ? splitList(value) : [value];
  return `${quoted} TO ${values.map((one) => quoteLiteral(one).trimStart()).join(', ') || "''"}`;
}

/** Names between commas, some in double quotes. */
function splitList(value: string): string[] {
  return [...value.matchAll(/"((?:[^"]|"")*)"|([^\s,"][^,]*)/g)].map(([, quoted, bare]) =>
    quoted === undefined ? (bare ?? '').trim() : quoted.replaceAll('""', '"'),
  );
}

/** Everything else that belongs to a database and not to its contents. */
export interface DatabaseProperties {
  readonly oid: string;
  readonly entries: readonly AclEntry[];
  readonly connectionLimit: number;
  readonly isTemplate: boolean;
  readonly comment: string;
}

export async function readProperties(
  session: Session,
  name: string,
): Promise<DatabaseProperties | undefined> {
  const [row] = await session.query<DatabaseProperties & Record<string, unknown>>(
    `SELECT d.oid::text AS oid, d.datconnlimit AS "connectionLimit", d.datistemplate AS "isTemplate",
            coalesce(pg_catalog.shobj_description(d.oid, 'pg_database'), '') AS comment,
            ${explode("coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))")} AS entries
       FROM pg_catalog.pg_database d WHERE d.datname = $1`,
    [name],
  );
  return row;
}

/** Statements that give one database the properties of another, its comment left out. */
export function propertyStatements(
  name: string,
  has: DatabaseProperties,
  wants: DatabaseProperties,
): string[] {
  const database = `DATABASE ${quoteIdentifier(name)}`;
  return [
    ...changes({ object: database, column: null }, has.entries, wants.entries),
    `ALTER ${database} WITH CONNECTION LIMIT ${wants.connectionLimit} IS_TEMPLATE ${wants.isTemplate}`,
  ];
}

/** The same, in words. */
export function propertyWords({
  entries,
  connectionLimit,
  isTemplate,
  comment,
}: DatabaseProperties): string[] {
  const grantees = [...new Set(entries.map(({ grantee }) => grantee ?? 'PUBLIC'))];
  return [
    `rights on the database of ${grantees.join(', ') || 'nobody'}`,
    ...(connectionLimit === -1 ? [] : [`connection limit ${connectionLimit}`]),
    ...(isTemplate ? ['that it is a template'] : []),
    ...(comment === '' ? [] : ['comment, with the mark as a restore target']),
  ];
}
