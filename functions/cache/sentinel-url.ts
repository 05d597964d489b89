import { BadCacheUrl } from './errors.ts';

/** What a URL with sentinels is made of, as it was written. */
export interface SentinelParts {
  readonly scheme: 'redis' | 'rediss';
  /** `user:password@`, or empty. */
  readonly login: string;
  readonly hosts: readonly string[];
  readonly primary: string;
  readonly database: number | undefined;
  readonly username: string | null;
  readonly password: string | null;
  readonly query: string;
}

const begin = /^(redis|rediss)([+-]sentinel):\/\/|^(sentinel):\/\//i;

export function isSentinelUrl(text: string): boolean {
  return begin.test(text);
}

/** @throws BadCacheUrl, whose message never contains the URL */
export function splitSentinelUrl(text: string): SentinelParts {
  // Celery's way names every sentinel with a URL of its own
  const urls = text.split(';').filter((url) => url !== '');
  const pieces = urls.map(
    (url) => /^[a-z+-]+:\/\/(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)\??([^#]*)#?(.*)$/i.exec(url) ?? [],
  );
  const pick = (index: number) => pieces.map((piece) => piece[index]).find((part) => part) ?? '';
  const query = pick(4);
  const named = new URLSearchParams(query);
  const segments = pieces
    .map(([, , , path = '']) => path.split('/').filter((segment) => segment !== ''))
    .reduce((longest, path) => (path.length > longest.length ? path : longest), []);
  const said = named.get('master_name') ?? named.get('sentinelMasterId') ?? (pick(5) || undefined);
  const [primary, database, extra] = said === undefined ? segments : [said, ...segments];
  if (primary === undefined || extra !== undefined || !/^\d{0,6}$/.test(database ?? ''))
    throw new BadCacheUrl(
      'a cache URL with sentinels must name the primary, and may name a database, as in redis+sentinel://host,host/mymaster/1',
    );
  return {
    scheme: /^rediss/i.test(text) ? 'rediss' : 'redis',
    login: pick(1) && `${pick(1)}@`,
    hosts: pieces.flatMap(([, , hosts = '']) => hosts.split(',')),
    primary: decoded(primary),
    database: database === undefined ? undefined : Number(database),
    username: named.get('sentinel_username'),
    password: named.get('sentinel_password'),
    query,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new BadCacheUrl('the cache URL has a % that is not followed by two hexadecimal digits', { cause });
  }
}
