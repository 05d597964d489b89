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
  /** Passwords are tokens signed for each connection (`postgres-iam://`); undefined in it: the region in use. */
  readonly iam: boolean;
  readonly iamRegion: string | undefined;
  /** Path of a file of certificates. */
  readonly sslRootCert: string | undefined;
}

/** libpq allows `postgres://user@/database?host=…`, WHATWG URLs don't. */
const userWithoutHost = /^(postgres(?:ql|-iam)?:\/\/[^/?#]*@)(?=[/?#:]|$)/;
const noHost = 'host-in-query.invalid';

const form = 'write postgres://user@host:5432/database';

/**
 * Reads a connection URI (PostgreSQL manual, libpq, "Connection URIs").
 * Without `sslmode`, TLS is verified unless the host is this machine (invariant 7). `postgres-iam://` has no password:
 * a token is signed for each connection, and TLS is always verified.
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
  const iam = url.protocol === 'postgres-iam:';
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
  const password = decode(url.password, option) || query.get('password') || undefined;
  if (iam && password !== undefined)
    throw new BadDatabaseUrl(`${option}: postgres-iam:// takes no password, tokens are signed instead`);
  return {
    address: { host, port, database, user },
    password,
    sslMode: iam
      ? verifiedMode(query.get('sslmode'), option)
      : sslModeOf(query.get('sslmode') ?? environment.PGSSLMODE, host, option),
    iam,
    iamRegion: iam ? (query.get('region') ?? regionOfHost(host) ?? undefined) : undefined,
    sslRootCert: query.get('sslrootcert') ?? environment.PGSSLROOTCERT ?? undefined,
  };
}

/** This machine itself, or a Unix socket. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') || host.startsWith('/');
}

function parse(text: string, option: string): URL {
  if (!/^postgres(ql|-iam)?:\/\//.test(text))
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

/** A token opens the database to whoever reads it: only who proves to be the server may. */
function verifiedMode(given: string | null, option: string): SslMode {
  if (given === null || given === 'verify-full') return 'verify-full';
  throw new BadDatabaseUrl(
    `${option}: sslmode=${given} does not go with postgres-iam://, whose tokens are sent to verified servers only`,
  );
}

/** `name.id.eu-central-1.rds.amazonaws.com` */
function regionOfHost(host: string): string | undefined {
  return /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$/.exec(host)?.[1];
}

function sslModeOf(given: string | undefined, host: string, option: string): SslMode {
  if (given === undefined) return isLoopback(host) ? 'prefer' : 'verify-full';
  if (given === 'allow') return 'prefer';
  const mode = sslModes.find((known) => known === given);
  if (!mode)
    throw new BadDatabaseUrl(`${option}: sslmode=${given} is unknown; choose one of ${sslModes.join(', ')}`);
  return mode;
}
