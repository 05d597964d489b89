import { userInfo } from 'node:os';
import type { PostgresAddress } from './address.ts';
import { BadDatabaseUrl } from './errors.ts';

const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** An address with what is needed to log in. Never printed. */
export interface Login {
  readonly address: PostgresAddress;
  readonly password: string | undefined;
  readonly sslMode: SslMode;
  /** Path of a file of certificates. */
  readonly sslRootCert: string | undefined;
}

/** libpq allows `postgres://user@/database?host=…`, WHATWG URLs don't. */
const userWithoutHost = /^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#:]|$)/;
const noHost = 'host-in-query.invalid';

const form = 'write postgres://user@host:5432/database';

/**
 * Reads a connection URI (PostgreSQL manual, libpq, "Connection URIs").
 * Without `sslmode`, TLS is verified unless the host is this machine (invariant 7).
 * @param option what the URL came from, for messages: `--source`
 * @throws BadDatabaseUrl; the message never holds the password
 */
export function parseDatabaseUrl(
  text: string,
  option = 'the database URL',
  environment = process.env,
): Login {
  const url = parse(text, option);
  const query = url.searchParams;
  const user = decode(url.username, option) || query.get('user') || environment.PGUSER || userInfo().username;
  const host =
    (url.hostname === noHost ? '' : decode(url.hostname.replace(/^\[|\]$/g, ''), option)) ||
    query.get('host') ||
    environment.PGHOST ||
    'localhost';
  const port = Number(url.port || query.get('port') || environment.PGPORT || 5432);
  const database = decode(url.pathname.slice(1), option) || query.get('dbname') || user;
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new BadDatabaseUrl(`${option}: the port is not a number; ${form}`);
  if (database.includes('/'))
    throw new BadDatabaseUrl(`${option}: "${database}" is not a database name; ${form}`);
  return {
    address: { host, port, database, user },
    password: decode(url.password, option) || query.get('password') || undefined,
    sslMode: sslModeOf(query.get('sslmode') ?? environment.PGSSLMODE, host, option),
    sslRootCert: query.get('sslrootcert') ?? environment.PGSSLROOTCERT ?? undefined,
  };
}

/** This machine itself, or a Unix socket. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') || host.startsWith('/');
}

function parse(text: string, option: string): URL {
  if (!/^postgres(ql)?:\/\//.test(text))
    throw new BadDatabaseUrl(`${option} does not begin with postgres:// ; ${form}`);
  try {
    const url = new URL(text.replace(userWithoutHost, `$1${noHost}`));
    return url;
  } catch (cause) {
    // URL's own message repeats its input, password included: not passed on
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new BadDatabaseUrl(
      `${option} can't be read as a URL (${code}); ${form}, with %XX for special characters in user and password`,
    );
  }
}

function decode(part: string, option: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new BadDatabaseUrl(
      `${option} has a % that is not followed by two hexadecimal digits; write %25 for a percent sign`,
    );
  }
}

function sslModeOf(given: string | undefined, host: string, option: string): SslMode {
  if (given === undefined) return isLoopback(host) ? 'prefer' : 'verify-full';
  if (given === 'allow') return 'prefer';
  const mode = sslModes.find((known) => known === given);
  if (!mode)
    throw new BadDatabaseUrl(`${option}: sslmode=${given} is unknown; choose one of ${sslModes.join(', ')}`);
  return mode;
}
