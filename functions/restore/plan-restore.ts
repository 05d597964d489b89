import { DamagedBackup } from '../archive/errors.ts';
import { latestBackup } from '../archive/list-backups.ts';
import type { Manifest } from '../archive/manifest.ts';
import { readManifest } from '../archive/read-manifest.ts';
import { checkCache } from '../cache/invalidate-redis.ts';
import { checkMediaTarget } from '../media/target.ts';
import { backupKey, databaseFile, mediaFile } from '../run/keys.ts';
import { need } from '../run/require.ts';
import type { RestoreOptions, RunState } from '../run/state.ts';
import type { Surroundings } from '../run/surroundings.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { checkTarget } from '../target/check-target.ts';
import { planRebuild } from '../target/rebuild.ts';
import { allowTarget } from '../target/target-mark.ts';
import { chooseTables } from './choose-tables.ts';
import type { RestoreRecord } from './records.ts';

export interface PlannedRestore {
  readonly record: RestoreRecord;
  readonly manifest: Manifest;
}

/**
 * Finds the backup and everything that speaks against restoring it here, before anything is built.
 * @throws what is wrong: the backup, the target, its media directory, its cache, the patterns
 */
export async function planRestore(
  run: RunState,
  options: RestoreOptions,
  surroundings: Surroundings,
): Promise<PlannedRestore> {
  const { store, source, allowSource, confirmTarget, signal, cache } = surroundings;
  const target = need(surroundings, 'target');
  if (options.afterRestore) need(surroundings, 'afterRestore');
  if (options.invalidateCache && need(surroundings, 'cache').kind === 'redis' && cache?.kind === 'redis')
    await checkCache(cache.url, { ...cache, signal });
  const backupId = options.backup === 'latest' ? await latestBackup(store) : options.backup;
  const manifest = await readManifest(store, backupId);
  const tables = options.tables.length > 0 ? chooseTables(manifest, options.tables) : undefined;
  const scope = tables ? 'tables' : 'database';
  const checked = await checkTarget({
    runId: run.id,
    target,
    manifestSource: manifest.source,
    roles: manifest.definitions.roles,
    source,
    allowSource,
    scope,
    signal,
  });
  const media = await planMedia(store, manifest, scope, surroundings.targetMedia);
  const database = await pin(store, backupKey(backupId, databaseFile), manifest.files.database.size);
  await allowTarget(target, confirmTarget, checked.hints, signal);
  const record: RestoreRecord = {
    backupId,
    database,
    media: media.file,
    scope,
    ...(tables && { tables }),
    rebuild: planRebuild(run.id, checked.facts),
    notes: [...checked.notes, ...media.notes],
  };
  return { record, manifest };
}

async function planMedia(
  store: ObjectStore,
  manifest: Manifest,
  scope: RestoreRecord['scope'],
  directory: string | undefined,
): Promise<{ file: RestoreRecord['media']; notes: string[] }> {
  if (scope === 'tables') return { file: null, notes: [] };
  if (typeof manifest.media === 'string') {
    const kept =
      directory === undefined
        ? []
        : [`the backup has no media (${manifest.media}): ${directory} is left as it is`];
    return { file: null, notes: kept };
  }
  if (directory === undefined)
    return {
      file: null,
      notes: [
        `the backup's ${manifest.media.files} media files are not restored: no --media directory was given`,
      ],
    };
  await checkMediaTarget(directory);
  const key = backupKey(manifest.backupId, mediaFile);
  return { file: await pin(store, key, manifest.files.media?.size ?? 0), notes: [] };
}

/** The object's ETag of now; that it is the right object, the checksums of what is read from it prove. */
async function pin(store: ObjectStore, key: string, size: number): Promise<{ key: string; etag: string }> {
  const facts = await store.head(key);
  if (!facts) throw new DamagedBackup(`${store.uri(key)} is missing; use another backup`);
  if (facts.size !== size)
    throw new DamagedBackup(
      `${store.uri(key)} has ${facts.size} bytes, its manifest says ${size}; use another backup`,
    );
  return { key, etag: facts.etag };
}
