import type { Stack } from 'aws-cdk-lib';
import { environment as names } from '../functions/run/environment-names.ts';
import type { BackupStore } from './constructs/backup-store.ts';
import {
  type CachePlace,
  type DatabasePlace,
  isMount,
  type MediaBucketCopy,
  type MediaMount,
  type SecretPlace,
  type SourceMediaPlace,
} from './constructs/places.ts';
import type { HandlerNeeds } from './handler-needs.ts';

/** Mount points of the media access points; Lambda wants them under /mnt. */
const sourceMediaMount = '/mnt/source-media';
const targetMediaMount = '/mnt/target-media';

/** What there is around the handlers of one source, or of one target. Each gets what its needs name and no more. */
export interface HandlerSurroundings {
  /** The deployment's name: dimension of all metrics, and the beginning of all machines' names. */
  readonly deployment: string;
  readonly store: BackupStore;
  readonly sourceName?: string | undefined;
  readonly source?: DatabasePlace | undefined;
  readonly sourceMedia?: SourceMediaPlace | undefined;
  readonly targetName?: string | undefined;
  readonly target?: DatabasePlace | undefined;
  /** Of a target: what it must not be. */
  readonly comparedSource?: DatabasePlace | undefined;
  readonly targetMedia?: MediaMount | undefined;
  readonly mediaBuckets?: MediaBucketCopy | undefined;
  readonly cache?: CachePlace | undefined;
  /** Celery's broker, of a target. */
  readonly broker?: SecretPlace | undefined;
  /** Of a target: the source's, which it must not be. */
  readonly comparedBroker?: SecretPlace | undefined;
  /** Databases that a restore may go into, as REPLICATOR_ALLOWED_TARGETS has them. */
  readonly allowedTargets?: readonly string[] | undefined;
  /** Options of executions that there is nothing for. */
  readonly unavailable?: readonly string[];
  /** A built-in profile, or a file's name beside the handler. */
  readonly profile?: string | undefined;
  readonly maskKey?: SecretPlace | undefined;
  readonly adminPassword?: SecretPlace | undefined;
}

/** What of its surroundings a handler gets. */
export interface Given {
  readonly source: DatabasePlace | undefined;
  readonly target: DatabasePlace | undefined;
  readonly cache: CachePlace | undefined;
  readonly broker: SecretPlace | undefined;
  readonly comparedBroker: SecretPlace | undefined;
  readonly sourceMedia: MediaMount | undefined;
  readonly targetMedia: (MediaMount & { readonly writes: boolean }) | undefined;
  readonly mediaBuckets: (MediaBucketCopy & { readonly access: 'lists' | 'adds' | 'settles' }) | undefined;
  readonly maskKey: SecretPlace | undefined;
  readonly adminPassword: SecretPlace | undefined;
}

export function givenTo(needs: HandlerNeeds, around: HandlerSurroundings): Given {
  const { sourceMedia, targetMedia, mediaBuckets } = around;
  return {
    source: (needs.source && around.source) || (needs.comparesSource && around.comparedSource) || undefined,
    target: needs.target && around.target,
    cache: needs.cache && around.cache,
    broker: needs.broker && around.broker,
    comparedBroker: needs.broker && around.comparedBroker,
    sourceMedia: needs.sourceMedia && isMount(sourceMedia) ? sourceMedia : undefined,
    targetMedia:
      needs.targetMedia && targetMedia
        ? { ...targetMedia, writes: needs.targetMedia === 'writes' }
        : undefined,
    mediaBuckets:
      needs.mediaBuckets && mediaBuckets ? { ...mediaBuckets, access: needs.mediaBuckets } : undefined,
    maskKey: needs.profile && around.maskKey,
    adminPassword: needs.adminPassword && around.adminPassword,
  };
}

/** The handler's environment: what lambda-surroundings.ts reads. No secret is in it, only where it lies. */
export function environmentOf(
  needs: HandlerNeeds,
  around: HandlerSurroundings,
  scope: Stack,
): Record<string, string> {
  const given = givenTo(needs, around);
  const { store, sourceMedia, profile } = around;
  const entries: [string, string | undefined][] = [
    [names.bucket, store.bucket.bucketName],
    [names.prefix, store.prefix],
    [names.stack, around.deployment],
    [names.sourceName, around.sourceName],
    [names.targetName, around.targetName],
    [names.source, given.source && databaseUrl(given.source, scope)],
    [names.target, given.target && databaseUrl(given.target, scope)],
    [names.cache, given.cache && cacheUrl(given.cache)],
    [names.cachePassword, passwordOf(given.cache)],
    [names.cacheKeyPrefix, given.cache?.keyPrefix],
    [names.broker, given.broker && secretUrl(given.broker)],
    [names.sourceBroker, given.comparedBroker && secretUrl(given.comparedBroker)],
    [names.unavailable, needs.options && around.unavailable?.join(',')],
    [names.sourceMedia, given.sourceMedia && sourceMediaMount],
    [
      names.mediaReason,
      needs.sourceMedia && sourceMedia && !isMount(sourceMedia)
        ? `media are kept elsewhere: ${sourceMedia.remoteStorage}`
        : undefined,
    ],
    [names.targetMedia, given.targetMedia && targetMediaMount],
    [names.mediaFrom, given.mediaBuckets?.copyFrom],
    [names.mediaTo, given.mediaBuckets?.copyTo],
    [names.mediaRemoveOthers, given.mediaBuckets?.removeOthers ? 'true' : undefined],
    [names.allowedTargets, given.target && allowedTargets(given.target, around)],
    [names.backups, given.target && foreignBackups(store)],
    [names.objectLock, needs.store === 'seals' ? retentionOf(store) : undefined],
    [names.profile, needs.profile && profile],
    [names.maskKey, given.maskKey && secretUrl(given.maskKey)],
    [names.adminPassword, given.adminPassword && secretUrl(given.adminPassword)],
    ['NODE_OPTIONS', '--enable-source-maps'],
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => Boolean(entry[1])));
}

/** Lambda mounts one file system a function. */
export function mountsOf(given: Given): { readonly arn: string; readonly localMountPath: string }[] {
  const { sourceMedia, targetMedia } = given;
  return [
    ...(sourceMedia ? [{ arn: sourceMedia.accessPointArn, localMountPath: sourceMediaMount }] : []),
    ...(targetMedia ? [{ arn: targetMedia.accessPointArn, localMountPath: targetMediaMount }] : []),
  ];
}

const secretUrl = ({ secretArn }: SecretPlace) => `secretsmanager://${secretArn}`;

function databaseUrl(place: DatabasePlace, scope: Stack): string {
  if (!('iam' in place))
    return secretUrl(place) + (place.database ? `?dbname=${encodeURIComponent(place.database)}` : '');
  const { host, port = 5432, database = 'nautobot', user } = place.iam;
  const [name, role] = [encodeURIComponent(database), encodeURIComponent(user)];
  return `postgres-iam://${role}@${host}:${port}/${name}?region=${scope.region}`;
}

/** Where a login says itself which database it is for, that one; a secret may say another tomorrow. */
function allowedTargets(
  place: DatabasePlace,
  { allowedTargets: given }: HandlerSurroundings,
): string | undefined {
  if (given && given.length > 0) return given.join(',');
  return 'iam' in place
    ? `${place.iam.host}:${place.iam.port ?? 5432}/${place.iam.database ?? 'nautobot'}`
    : undefined;
}

function foreignBackups({ props: { restoreFrom } }: BackupStore): string | undefined {
  return restoreFrom && `s3://${restoreFrom.bucket}/${restoreFrom.prefix ?? ''}`;
}

function retentionOf({ props: { objectLock } }: BackupStore): string | undefined {
  return objectLock && `${objectLock.mode}:${objectLock.days}`;
}

function cacheUrl(place: CachePlace): string {
  if ('secretArn' in place) return secretUrl(place);
  const { host, port = 6379, tls = true, user } = place;
  return `${tls ? 'rediss' : 'redis'}://${user ? `${encodeURIComponent(user)}@` : ''}${host}:${port}`;
}

function passwordOf(place: CachePlace | undefined): string | undefined {
  return place && 'host' in place && place.password ? secretUrl(place.password) : undefined;
}

/** Every secret that a handler may read. */
export function secretsOf(given: Given): SecretPlace[] {
  const { source, target, cache, broker, comparedBroker, maskKey, adminPassword } = given;
  const cacheSecret = cache && ('secretArn' in cache ? cache : cache.password);
  const logins = [source, target].filter((login) => login !== undefined && 'secretArn' in login);
  return [...logins, cacheSecret, broker, comparedBroker, maskKey, adminPassword].filter(
    (secret) => secret !== undefined,
  ) as SecretPlace[];
}
