import { readFileSync } from 'node:fs';
import pg from 'pg';
import { describeAddress } from './address.ts';
import { trustedAuthorities } from './authorities.ts';
import { DatabaseMissing, LoginRefused, ServerBusy, ServerUnreachable, TlsFailed } from './errors.ts';
import { iamToken } from './iam-token.ts';
import { lendingSocket } from './lending-socket.ts';
import type { Login } from './parse-url.ts';
import { PgSession } from './pg-session.ts';
import type { Session, SessionOptions } from './session.ts';
import { explainTls } from './tls-failures.ts';

const connectMs = 15_000;

/** date, timestamp, timestamptz, interval, and arrays of them: their text says more than a Date can. */
const keptAsText = new Set([1082, 1114, 1184, 1186, 1182, 1115, 1185, 1187]);

/**
 * Opens one connection. TLS as the login's mode says; on this machine plain first, then unverified TLS where the
 * server insists on it.
 * @throws ServerUnreachable, LoginRefused, IamTokenFailed, DatabaseMissing, TlsFailed, ServerBusy
 */
export async function connect(login: Login, options: SessionOptions): Promise<Session> {
  options.signal?.throwIfAborted();
  if (login.sslMode !== 'prefer') return open(login, options, login.sslMode !== 'disable');
  try {
    return await open(login, options, false);
  } catch (error) {
    if (error instanceof LoginRefused && wantsTls(error.cause)) return open(login, options, true);
    throw error;
  }
}

async function open(login: Login, options: SessionOptions, tls: boolean): Promise<Session> {
  const { address } = login;
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    user: address.user,
    database: options.database ?? address.database,
    password: login.iam ? await iamToken(login) : login.password,
    application_name: options.applicationName,
    options: startUpOptions(options.settings),
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    ssl: tls ? await tlsOptions(login) : false,
    // TLS reads from the socket itself, into memory of its own
    ...(tls ? {} : { stream: lendingSocket }),
    types: {
      getTypeParser: (oid, format) => (keptAsText.has(oid) ? String : pg.types.getTypeParser(oid, format)),
    },
  });
  const session = new PgSession(client, options.signal);
  try {
    await client.connect();
    await session.begin();
    return session;
  } catch (error) {
    await session.end();
    options.signal?.throwIfAborted();
    throw explain(error, login, options.database ?? address.database);
  }
}

/** `-c name=value` with spaces and backslashes escaped (PostgreSQL manual, libpq, "options"). */
function startUpOptions(settings: Readonly<Record<string, string>> = {}): string {
  const escaped = (text: string) => text.replace(/[\\ ]/g, (special) => `\\${special}`);
  return Object.entries({ client_encoding: 'UTF8', ...settings })
    .map(([name, value]) => `-c ${name}=${escaped(value)}`)
    .join(' ');
}

async function tlsOptions(login: Login) {
  const verify =
    login.sslMode === 'verify-full' || login.sslMode === 'verify-ca' || login.sslRootCert !== undefined;
  return {
    rejectUnauthorized: verify,
    ...(login.sslRootCert !== undefined
      ? { ca: rootCertificates(login.sslRootCert) }
      : verify && { secureContext: await trustedAuthorities() }),
    ...(login.sslMode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

function rootCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new TlsFailed(`the file of certificates ${path} (sslrootcert) can't be read`, { cause });
  }
}

function wantsTls(cause: unknown): boolean {
  return cause instanceof Error && /no encryption|SSL off/i.test(cause.message);
}

function whereFrom({ iam, address }: Login): string {
  return iam
    ? `IAM authentication has to be on, "${address.user}" a member of rds_iam, and rds-db:connect allowed for it`
    : 'the password comes from the URL, PGPASSWORD or .pgpass';
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  'ENOENT',
  'EACCES',
  '57P03',
  '57P01',
  '57P02',
]);

function explain(error: unknown, login: Login, database: string): unknown {
  if (!(error instanceof Error) || error instanceof TlsFailed) return error;
  const where = describeAddress({ ...login.address, database });
  const code =
    'code' in error
      ? String(error.code)
      : error instanceof AggregateError
        ? String(error.errors[0]?.code)
        : '';
  const say = error.message || code;
  if (code === '3D000')
    return new DatabaseMissing(
      `${where}: the server has no database "${database}"; check the URL, or create it first`,
      { cause: error },
    );
  if (code === '28P01' || code === '28000' || /password must be a string|no password/i.test(say))
    return new LoginRefused(`${where}: the login was refused (${say}); ${whereFrom(login)}`, {
      cause: error,
    });
  if (code === '42501')
    return new LoginRefused(`${where}: ${say}; the role needs CONNECT on the database`, { cause: error });
  if (code === '53300')
    return new ServerBusy(`${where}: ${say}; use fewer --jobs or raise max_connections`, { cause: error });
  if (unreachable.has(code) || /timeout expired|terminated unexpectedly|ended unexpectedly/i.test(say))
    return new ServerUnreachable(
      `${where}: no PostgreSQL server answers there (${say}); check host and port`,
      { cause: error },
    );
  const tls = explainTls(code, say, login);
  if (tls !== undefined) return new TlsFailed(`${where}: ${tls}`, { cause: error });
  return new ServerUnreachable(`${where}: the connection could not be opened (${say})`, { cause: error });
}
