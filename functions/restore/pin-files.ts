import { DamagedBackup } from '../archive/errors.ts';
import type { Manifest } from '../archive/manifest.ts';
import { backupKey, databaseFile, mediaFile } from '../run/keys.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { RestoreRecord } from './records.ts';

/**
 * The files of a backup as they are now: every read says that they must still be these.
 * @throws DamagedBackup for one that is missing or has another size
 */
export async function pinFiles(
  store: ObjectStore,
  { backupId, files }: Manifest,
  withMedia: boolean,
): Promise<Pick<RestoreRecord, 'database' | 'media'>> {
  const database = await pin(store, backupKey(backupId, databaseFile), files.database.size);
  const media = withMedia ? await pin(store, backupKey(backupId, mediaFile), files.media?.size ?? 0) : null;
  return { database, media };
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
