import { readFile } from 'node:fs/promises';
import { parseCacheUrl } from '../functions/cache/address.ts';
import { splitStatements } from '../functions/definitions/statements.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { mustBeDirectory } from '../functions/media/scan.ts';
import { openDatabase } from '../functions/postgres/database.ts';
import { allowedStores, allowedTargets, mustAllowStore } from '../functions/run/allowed.ts';
import { brokerOf, cacheUrlOf } from '../functions/run/cache-url.ts';
import { environment as names } from '../functions/run/environment-names.ts';
import type { CacheSettings, Surroundings } from '../functions/run/surroundings.ts';
import { openStore } from '../functions/store/open-store.ts';
import { isProcessAlive, thisProcess } from '../local/process-owner.ts';
import type { LocalSurroundings } from '../local/run-machine.ts';
import { confirm } from './confirm.ts';
import type { Io } from './io.ts';
import { type MediaPlaces, mediaPlacesOf } from './media-places.ts';
import { type ProfilePlaces, profileChoices } from './profile-choices.ts';
import type { RunDisplay } from './progress/run-display.ts';

/** What of a verb's options a run needs around it; the rest is the machine's input. */
export interface Places extends ProfilePlaces, MediaPlaces {
  readonly store: string;
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly invalidateCache?: string | undefined;
  readonly invalidateCommand?: string | undefined;
  readonly cacheKeyPrefix?: string | undefined;
  readonly drainBroker?: boolean | undefined;
  readonly broker?: string | undefined;
  readonly sourceBroker?: string | undefined;
  readonly afterRestore?: string | undefined;
  readonly sanitizeSql?: string | undefined;
  readonly allowSource?: boolean;
  readonly yes?: boolean;
}

/**
 * Makes out of options what handlers find around them. Everything that can be seen without a connection is checked
 * here, before anything begins: URLs, the media directory, the file of statements.
 * @throws UsageError, BadProfile, BadStoreUri, BadDatabaseUrl, SecretUnusable, StoreNotAllowed, MediaDirectoryMissing, MediaUnreadable
 */
export async function surroundingsOf(
  places: Places,
  io: Io,
  display: RunDisplay,
): Promise<LocalSurroundings> {
  const cache = await cacheOf(places, io);
  const broker = await brokerOfTarget(places, cache);
  const sanitize = await sanitizeOf(places.sanitizeSql);
  const profiles = await profileChoices(places, io, (message) => display.warn(message));
  const media = mediaPlacesOf(places);
  if (media.sourceMedia !== undefined) await mustBeDirectory(media.sourceMedia);
  const source = places.source === undefined ? undefined : await openDatabase(places.source, '--source');
  const target = places.target === undefined ? undefined : await openDatabase(places.target, '--target');
  const { allowed, store } = allowedPlaces(places.store, io);
  return {
    store,
    ...(source && { source }),
    ...(target && { target }),
    ...media,
    ...(cache && { cache }),
    ...(broker && { broker }),
    ...(places.afterRestore !== undefined && { afterRestore: places.afterRestore }),
    ...(sanitize && { sanitize }),
    ...profiles,
    ...(allowed && { allowedTargets: allowed }),
    yes: places.yes ?? false,
    allowSource: places.allowSource ?? false,
    confirmDrain: (question) => display.pauseFor(() => confirm(question, io)),
    confirmTarget: async (question) => places.yes === true || display.pauseFor(() => confirm(question, io)),
    isAlive: isProcessAlive,
    owner: await thisProcess(),
    progress: display,
  };
}

/** For what a verb does itself, without a machine: as long as it takes. */
export function withoutMachine(local: LocalSurroundings, { signal }: Pick<Io, 'signal'>): Surroundings {
  return { ...local, signal, remainingMs: () => Number.POSITIVE_INFINITY };
}

/** The lists of allowed targets and stores that this machine's environment holds. @throws StoreNotAllowed */
function allowedPlaces(uri: string, { environment }: Io) {
  const allowed = allowedTargets(environment[names.allowedTargets], names.allowedTargets);
  const store = openStore(uri);
  mustAllowStore(store, allowedStores(environment[names.allowedStores], names.allowedStores));
  return { allowed, store };
}

/** @throws UsageError, BadCacheUrl */
export async function cacheOf(
  places: Pick<Places, 'target' | 'invalidateCache' | 'invalidateCommand' | 'cacheKeyPrefix'>,
  { environment }: Pick<Io, 'environment'>,
): Promise<CacheSettings | undefined> {
  const { invalidateCache: url, invalidateCommand: command, cacheKeyPrefix: keyPrefix } = places;
  if (url !== undefined && command !== undefined)
    throw new UsageError(
      '--invalidate-cache (or REPLICATOR_CACHE) and --invalidate-command exclude each other; give one of them',
    );
  if (keyPrefix !== undefined && url === undefined)
    throw new UsageError('--cache-key-prefix goes with --invalidate-cache REDIS-URL, which is missing');
  if (command !== undefined) return { kind: 'command', command };
  if (url === undefined) return undefined;
  // The variable is about staging's cache, as REPLICATOR_CACHE is
  const password = places.target === undefined ? undefined : environment[names.cachePassword] || undefined;
  const whole = await cacheUrlOf(url, password);
  parseCacheUrl(whole);
  return { kind: 'redis', url: whole, ...(keyPrefix !== undefined && { keyPrefix }) };
}

async function brokerOfTarget(places: Places, cache: CacheSettings | undefined) {
  if (!places.drainBroker) return undefined;
  const cacheUrl = cache?.kind === 'redis' ? cache.url : undefined;
  const broker = await brokerOf(cacheUrl, places.broker, places.sourceBroker);
  if (broker) return broker;
  throw new UsageError(
    '--drain-broker needs to know the broker: give --broker REDIS-URL (or REPLICATOR_BROKER), or --invalidate-cache where both are on one server',
  );
}

/** @throws UsageError for a file that PostgreSQL's parser doesn't take: now, and not after hours of loading */
async function sanitizeOf(file: string | undefined): Promise<LocalSurroundings['sanitize']> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(`--sanitize-sql: ${file} can't be read (${cause.code})`, { cause });
  });
  const statements = await splitStatements(text).catch((cause: Error) => {
    throw new UsageError(`--sanitize-sql: ${file} is not SQL: ${cause.message}`, { cause });
  });
  if (statements.length === 0) throw new UsageError(`--sanitize-sql: ${file} holds no statement`);
  if (statements.some(({ kind }) => kind === 'TransactionStmt'))
    throw new UsageError(
      `--sanitize-sql: ${file} begins or ends a transaction; its statements run in one, leave BEGIN and COMMIT out`,
    );
  return { name: file, statements: statements.map((statement) => statement.text) };
}
