import type { SourceFacts } from '../archive/manifest.ts';
import type { PostgresAddress } from '../postgres/address.ts';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Row, Session } from '../postgres/session.ts';

interface DatabaseRow extends Row {
  version: string;
  database: string;
  oid: string;
  standby: boolean;
  encoding: string;
  provider: string;
  collate: string;
  ctype: string;
  locale: string | null;
  collation_version: string | null;
  control_allowed: boolean;
}

const providers: Record<string, SourceFacts['localeProvider']> = { c: 'libc', i: 'icu', b: 'builtin' };

/** What a backup says of the server and database it comes from. Within a transaction or outside, it leaves it usable. */
export async function sourceFacts(session: Session, address: PostgresAddress): Promise<SourceFacts> {
  const [row] = await session.query<DatabaseRow>(databaseSql(session.serverVersion));
  if (row === undefined) throw new TypeError('the catalogue has no row of the current database');
  return {
    serverVersion: row.version.split(' ')[0] ?? row.version,
    serverVersionNum: session.serverVersion,
    host: address.host,
    port: address.port,
    database: row.database,
    databaseOid: Number(row.oid),
    systemIdentifier: row.control_allowed ? await systemIdentifier(session) : null,
    standby: row.standby,
    encoding: row.encoding,
    localeProvider: providers[row.provider] ?? 'libc',
    collate: row.collate,
    ctype: row.ctype,
    locale: row.locale,
    collationVersion: row.collation_version,
    extensions: await extensions(session),
    migrations: await migrations(session),
  };
}

/** Providers came with 15 (`daticulocale`), the builtin one with 17, which renamed the column. */
function databaseSql(version: number): string {
  const provider = version >= 15_00_00 ? 'd.datlocprovider::text' : "'c'";
  const locale =
    version >= 17_00_00 ? 'd.datlocale::text' : version >= 15_00_00 ? 'd.daticulocale::text' : 'NULL';
  const collationVersion = version >= 15_00_00 ? 'd.datcollversion::text' : 'NULL';
  return `SELECT pg_catalog.current_setting('server_version') AS version, d.datname::text AS database,
      d.oid::pg_catalog.int8::text AS oid, pg_catalog.pg_is_in_recovery() AS standby,
      pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
      ${provider} AS provider, d.datcollate::text AS collate, d.datctype::text AS ctype, ${locale} AS locale,
      ${collationVersion} AS collation_version,
      pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS control_allowed
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`;
}

async function systemIdentifier(session: Session): Promise<string | null> {
  const rows = await tolerant<{ id: string }>(
    session,
    'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
  );
  return rows?.[0]?.id ?? null;
}

async function extensions(session: Session): Promise<SourceFacts['extensions']> {
  return session.query<{ name: string; version: string; schema: string }>(
    `SELECT e.extname::text AS name, e.extversion AS version, n.nspname::text AS schema
     FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     ORDER BY e.extname COLLATE "C"`,
  );
}

/** Of each Django app the migration that was recorded last; of several such tables the one in `public`, or the first. */
async function migrations(session: Session): Promise<Record<string, string> | null> {
  const [table] = await session.query<{ schema: string }>(
    `SELECT n.nspname::text AS schema
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'django_migrations' AND c.relkind IN ('r', 'p')
       AND n.nspname !~ '^pg_' AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
     ORDER BY n.nspname <> 'public', n.nspname COLLATE "C" LIMIT 1`,
  );
  if (table === undefined) return null;
  const rows = await tolerant<{ app: string; name: string }>(
    session,
    `SELECT DISTINCT ON (app) app::text AS app, name::text AS name
     FROM ${quoteName(table.schema, 'django_migrations')} ORDER BY app, id DESC`,
  );
  return rows === undefined ? null : Object.fromEntries(rows.map(({ app, name }) => [app, name]));
}

/**
 * Where in the log the source is: on a standby what it has replayed.
 * null where the server doesn't say (managed services with a log of their own).
 */
export async function walPosition(session: Session): Promise<string | null> {
  const rows = await tolerant<{ lsn: string | null }>(
    session,
    `SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                 ELSE pg_catalog.pg_current_wal_lsn() END::text AS lsn`,
  );
  return rows?.[0]?.lsn ?? null;
}

/** Rows, or undefined when the server refuses: a transaction around it goes on. */
async function tolerant<T extends Row>(session: Session, sql: string): Promise<T[] | undefined> {
  const inTransaction = await session.execute('SAVEPOINT attempt').then(
    () => true,
    (error: unknown) => {
      // no_active_sql_transaction
      if (error instanceof StatementFailed && error.sqlState === '25P01') return false;
      throw error;
    },
  );
  try {
    const rows = await session.query<T>(sql);
    if (inTransaction) await session.execute('RELEASE SAVEPOINT attempt');
    return rows;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    if (inTransaction) await session.execute('ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt');
    return undefined;
  }
}
