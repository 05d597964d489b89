import { BadCacheUrl } from './errors.ts';

/** Where a cache is and how to get in. Holds a password: `describeCache` is what may be printed. */
export interface CacheAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** undefined: the URL names none. */
  readonly database?: number;
  readonly tls: false | { readonly verify: boolean; readonly caFile?: string };
}

/**
 * Reads `redis[s]://[user][:password]@host[:port][/database]`. `rediss` verifies the certificate unless the host is
 * loopback or the URL says `ssl_cert_reqs=none`; `ssl_ca_certs=FILE` names own roots (both as redis-py, and so
 * Nautobot's settings, write them). `redis` is not encrypted: a person says so by writing it.
 * @throws BadCacheUrl, whose message never contains the URL
 */
export function parseCacheUrl(text: string): CacheAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    throw new BadCacheUrl(
      'the cache URL must look like redis://[user:password@]host[:port][/database], or rediss:// for TLS; special characters in a password are written as %XX',
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

/** `host:port`, with the database where one is named. */
export function describeCache(address: CacheAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${host}:${address.port}${address.database === undefined ? '' : `/${address.database}`}`;
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
