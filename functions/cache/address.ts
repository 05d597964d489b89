import { BadCacheUrl } from './errors.ts';
import { isSentinelUrl, type SentinelParts, splitSentinelUrl } from './sentinel-url.ts';

/** Where a cache is and how to get in. Holds a password: `describeCache` is what may be printed. */
export interface CacheAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** undefined: the URL names none. */
  readonly database?: number;
  readonly tls: false | { readonly verify: boolean; readonly caFile?: string };
  /** Who knows the server to talk to; `host` and `port` are the first of them. */
  readonly sentinel?: Sentinels;
}

export interface Sentinels {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** What they call the primary: `mymaster`. */
  readonly primary: string;
  /** Of the sentinels themselves, where they want one; the URL's own are the servers'. */
  readonly username?: string;
  readonly password?: string;
}

/**
 * Reads `redis[s]://[user][:password]@host[:port][/database]`. `rediss` verifies the certificate unless the host is
 * loopback or the URL says `ssl_cert_reqs=none`; `ssl_ca_certs=FILE` names own roots (both as redis-py, and so
 * Nautobot's settings, write them). `redis` is not encrypted: a person says so by writing it. With Sentinel:
 * `redis[s]+sentinel://[user][:password]@host[:port],host…/primary[/database]`, or as Celery writes it,
 * `sentinel://host;sentinel://host/0?master_name=primary`; `sentinel_username` and `sentinel_password` are the
 * sentinels' own.
 * @throws BadCacheUrl, whose message never contains the URL
 */
export function parseCacheUrl(text: string): CacheAddress {
  if (isSentinelUrl(text)) return sentinelAddress(splitSentinelUrl(text));
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    throw new BadCacheUrl(
      'the cache URL must look like redis://[user:password@]host[:port][/database], rediss:// for TLS, or redis+sentinel://host,host/primary/database; special characters in a password are written as %XX',
    );
  }
  const host = decode(url.hostname).replace(/^\[(.*)\]$/, '$1') || 'localhost';
  const username = decode(url.username);
  const password = decode(url.password);
  const database = databaseOf(url);
  return {
    host,
    port: url.port === '' ? 6379 : Number(url.port),
    ...(username !== '' && { username }),
    ...(password !== '' && { password }),
    ...(database !== undefined && { database }),
    tls: url.protocol === 'rediss:' && tlsOf(url, host),
  };
}

function sentinelAddress(parts: SentinelParts): CacheAddress {
  const [first, ...others] = parts.hosts.map((host) =>
    parseCacheUrl(`${parts.scheme}://${parts.login}${host}`),
  );
  if (first === undefined)
    throw new BadCacheUrl('the cache URL names no sentinel: write redis+sentinel://host/primary');
  const place = ({ host, port }: CacheAddress, written = '') => ({
    host,
    port: /:\d+$/.test(written) ? port : 26_379,
  });
  const hosts = [first, ...others].map((address, index) => place(address, parts.hosts[index]));
  const tls = parts.scheme === 'rediss' && tlsOf(new URL(`rediss://x/?${parts.query}`), first.host);
  const { primary, database, username, password } = parts;
  return {
    ...first,
    port: hosts[0]?.port ?? first.port,
    ...(database !== undefined && { database }),
    tls,
    sentinel: { hosts, primary, ...(username && { username }), ...(password && { password }) },
  };
}

/** `host:port`, with the database where one is named. */
export function describeCache(address: CacheAddress): string {
  const place = ({ host, port }: { host: string; port: number }) =>
    `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { sentinel, database } = address;
  const where = sentinel
    ? `${sentinel.primary} of sentinel ${sentinel.hosts.map(place).join(', ')}`
    : place(address);
  return `${where}${database === undefined ? '' : `/${database}`}`;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new BadCacheUrl('the cache URL has a % that is not followed by two hexadecimal digits', { cause });
  }
}

function databaseOf(url: URL): number | undefined {
  const path = url.pathname.replace(/^\//, '');
  if (path === '') return undefined;
  if (/^\d{1,6}$/.test(path)) return Number(path);
  throw new BadCacheUrl('the path of the cache URL must be the number of a database, as in redis://host/1');
}

function tlsOf(url: URL, host: string): { verify: boolean; caFile?: string } {
  const requirement = (url.searchParams.get('ssl_cert_reqs') ?? 'required').toLowerCase();
  if (!['none', 'cert_none', 'required', 'cert_required'].includes(requirement)) {
    throw new BadCacheUrl('ssl_cert_reqs in the cache URL must be none or required');
  }
  const caFile = url.searchParams.get('ssl_ca_certs');
  const verify = requirement.endsWith('required') && (!isLoopback(host) || caFile !== null);
  return { verify, ...(caFile !== null && { caFile }) };
}
