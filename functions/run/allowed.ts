import { errorOf } from '../errors/replicator-error.ts';
import { UsageError } from '../errors/usage.ts';
import type { PostgresAddress } from '../postgres/address.ts';
import { normalHost } from '../postgres/normal-host.ts';

export class StoreNotAllowed extends errorOf({
  code: 'StoreNotAllowed',
  exitCode: 3,
  meaning:
    'REPLICATOR_ALLOWED_STORES is set and does not name the store: check --store, or add it to the list.',
}) {}

type Place = Pick<PostgresAddress, 'host' | 'port' | 'database'>;

/** One entry of a list of allowed targets. */
export interface AllowedTarget {
  /** As it was written. */
  readonly text: string;
  allows(place: Place): boolean;
}

/**
 * `REPLICATOR_ALLOWED_TARGETS`: `host[:port]/database`, separated by commas. `*` stands for any characters but a slash;
 * without a port any is meant. All names of this machine are one.
 * @returns undefined when the list is not set: any marked target is allowed then
 * @throws UsageError naming the entry that can't be read
 */
export function allowedTargets(list: string | undefined, name: string): readonly AllowedTarget[] | undefined {
  return entriesOf(list)?.map((text) => {
    const match = /^(\[[^\]/]+\]|[^:/[\]]+)(?::(\d+|\*))?\/([^/]+)$/.exec(text);
    const [, host = '', port, database = ''] = match ?? [];
    if (!match)
      throw new UsageError(
        `${name}: ${JSON.stringify(text)} is not a target; write host:port/database or host/database, with * for any characters`,
      );
    const hosts = wildcard(normalHost(host), 'i');
    const databases = wildcard(database);
    return {
      text,
      allows: (place) =>
        hosts.test(normalHost(place.host)) &&
        (port === undefined || port === '*' || Number(port) === place.port) &&
        databases.test(place.database),
    };
  });
}

/** One entry of a list of allowed stores. */
export interface AllowedStore {
  readonly text: string;
  allows(store: { readonly bucket: string; readonly prefix: string }): boolean;
}

/**
 * `REPLICATOR_ALLOWED_STORES`: `s3://bucket` (all of it) or `s3://bucket/prefix` (and what is below), separated by commas,
 * with `*` for any characters but a slash.
 * @returns undefined when the list is not set: any store is allowed then
 * @throws UsageError naming the entry that can't be read
 */
export function allowedStores(list: string | undefined, name: string): readonly AllowedStore[] | undefined {
  return entriesOf(list)?.map((text) => {
    const match = /^s3:\/\/([^/]+)(?:\/(.*?)\/*)?$/.exec(text);
    const [, bucket = '', prefix = ''] = match ?? [];
    if (!match)
      throw new UsageError(`${name}: ${JSON.stringify(text)} is not a store; write s3://bucket/prefix`);
    const buckets = wildcard(bucket);
    const prefixes = wildcard(prefix, '', '(/.*)?');
    return {
      text,
      allows: (store) =>
        buckets.test(store.bucket) && (prefix === '' || prefixes.test(store.prefix.replace(/\/+$/, ''))),
    };
  });
}

/**
 * Looks at a store before anything is read from it or written to it.
 * @throws StoreNotAllowed
 */
export function mustAllowStore(
  store: { readonly bucket: string; readonly prefix: string },
  allowed: readonly AllowedStore[] | undefined,
): void {
  if (!allowed || allowed.some((entry) => entry.allows(store))) return;
  throw new StoreNotAllowed(
    `s3://${store.bucket}/${store.prefix} is not an allowed store (${textOf(allowed)}); check --store, or add it to REPLICATOR_ALLOWED_STORES`,
  );
}

/** The entries as a person wrote them. */
export function textOf(entries: readonly { readonly text: string }[]): string {
  return entries.map(({ text }) => text).join(', ');
}

function entriesOf(list: string | undefined): string[] | undefined {
  const entries = list?.split(',').map((entry) => entry.trim());
  const written = entries?.filter((entry) => entry !== '') ?? [];
  return written.length > 0 ? written : undefined;
}

function wildcard(pattern: string, flags = '', then = ''): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}${then}$`, flags);
}
