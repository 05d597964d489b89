import { describeAddress } from '../postgres/address.ts';
import { DatabaseMissing, LoginRefused } from '../postgres/errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { TargetUnfit } from './errors.ts';
import { applicationName } from './names.ts';
import type { Rebuild } from './rebuild.ts';

/** What pg_dump's scripts set, and no setting of the role's or the server's may stand in a load's way. */
const loadSettings = {
  // Those under which rows were written
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  lc_monetary: 'C',
  search_path: '',
  standard_conforming_strings: 'on',
  check_function_bodies: 'off',
  xmloption: 'content',
  row_security: 'off',
  default_tablespace: '',
  default_transaction_read_only: 'off',
  default_transaction_isolation: 'read committed',
  // A warning that can't be sent any more would end a statement whose client has gone
  client_min_messages: 'error',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  synchronous_commit: 'off',
};

/**
 * Settings that not every server knows, so that they can't be in the start-up packet. A statement goes on after its
 * client has gone (`client_connection_check_interval` 0); a dead network ends the session within minutes.
 */
const settingsWhereKnown = `
  SELECT pg_catalog.set_config(s.name, w.value, false)
    FROM (VALUES ('transaction_timeout', '0'), ('idle_session_timeout', '0'),
                 ('client_connection_check_interval', '0'), ('tcp_keepalives_idle', '60'),
                 ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '6'), ('tcp_user_timeout', '180000'),
                 ('default_toast_compression', 'lz4')) AS w (name, value)
    JOIN pg_catalog.pg_settings s ON s.name = w.name
   WHERE w.value <> 'lz4' OR 'lz4' = ANY (s.enumvals)`;

export interface LoaderOptions {
  /** The end of the application name: which work, shard, attempt. */
  readonly part: string;
  /** false: stay the connecting role. */
  readonly asOwner?: boolean;
  /** More start-up settings; the only way in for what no statement may show. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A session in the hidden database with everything pinned, as the role that will own the objects. */
export async function openLoader(
  database: Database,
  rebuild: Rebuild,
  options: LoaderOptions,
): Promise<Session> {
  const session = await openPinned(database, rebuild.hidden, {
    applicationName: applicationName(rebuild.runId, options.part),
    settings: options.settings,
    signal: options.signal,
  });
  try {
    if (options.asOwner ?? true) await session.execute(`SET ROLE ${quoteIdentifier(rebuild.objectOwner)}`);
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** A session in which rows and definitions mean what they meant to pg_dump and COPY at the source. */
export async function openPinned(
  database: Database,
  name: string,
  options: {
    readonly applicationName: string;
    readonly settings?: Readonly<Record<string, string>> | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Session> {
  const { applicationName, settings, signal } = options;
  const session = await database.connect({
    applicationName,
    database: name,
    settings: { ...loadSettings, ...settings },
    ...(signal && { signal }),
  });
  try {
    await session.query(settingsWhereKnown);
    // The server knows no encoding of what such a database holds, so it is passed on as it is
    await session.query(
      "SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'",
    );
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** Opens a loader for one piece of work, and ends it whatever happens. */
export async function withLoader<T>(
  database: Database,
  rebuild: Rebuild,
  options: LoaderOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openLoader(database, rebuild, options);
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

/**
 * A session in a database other than the ones named: whoever renames or drops a database can't be in it.
 * Takes postgres, template1, or any other that lets the role in.
 * @throws TargetUnfit when there is none
 */
export async function openMaintenance(
  database: Database,
  options: {
    readonly applicationName: string;
    readonly avoid: readonly string[];
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Session> {
  const { applicationName, avoid, signal } = options;
  const connect = (name: string) =>
    database.connect({
      applicationName,
      database: name,
      settings: {
        default_transaction_read_only: 'off',
        lock_timeout: '0',
        statement_timeout: '0',
        search_path: '',
      },
      ...(signal && { signal }),
    });
  const tried = new Set(avoid);
  for (const name of ['postgres', 'template1']) {
    if (tried.has(name)) continue;
    tried.add(name);
    const session = await connectIfLet(() => connect(name));
    if (session) return session;
  }
  for (const name of await otherDatabases(() => connect(database.address.database))) {
    if (tried.has(name)) continue;
    const session = await connectIfLet(() => connect(name));
    if (session) return session;
  }
  throw new TargetUnfit(
    `${describeAddress(database.address)}: the role can connect to no database other than the target, and a database can't be renamed from inside; GRANT CONNECT ON DATABASE postgres TO ${quoteIdentifier(database.address.user)}`,
  );
}

async function connectIfLet(connect: () => Promise<Session>): Promise<Session | undefined> {
  try {
    return await connect();
  } catch (error) {
    if (error instanceof DatabaseMissing || error instanceof LoginRefused) return undefined;
    throw error;
  }
}

async function otherDatabases(connect: () => Promise<Session>): Promise<string[]> {
  const session = await connectIfLet(connect);
  if (session === undefined) return [];
  try {
    const rows = await session.query<{ name: string }>(
      `SELECT datname AS name FROM pg_catalog.pg_database
        WHERE datallowconn AND datname !~ '_[rp]_\\d{8}T\\d{6}Z-[0-9a-z]{6}$'
          AND pg_catalog.has_database_privilege(oid, 'CONNECT') ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  } finally {
    await session.end();
  }
}
