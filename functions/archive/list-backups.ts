import { backupKey, backupsFolder, manifestFile } from '../run/keys.ts';
import { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { NoBackupYet } from './errors.ts';

/** Ids of the sealed backups, newest first. A folder without a manifest is no backup. */
export async function listBackups(store: ObjectStore): Promise<RunId[]> {
  const folders = (await store.listFolders(backupsFolder)).filter((name) => RunId.safeParse(name).success);
  const sealed: RunId[] = [];
  const atOnce = 16;
  for (let from = 0; from < folders.length; from += atOnce) {
    const some = folders.slice(from, from + atOnce);
    const heads = await Promise.all(some.map((id) => store.head(backupKey(id, manifestFile))));
    sealed.push(...some.filter((_, index) => heads[index] !== undefined));
  }
  return sealed.sort().reverse();
}

/** Throws `NoBackupYet`. */
export async function latestBackup(store: ObjectStore): Promise<RunId> {
  const folders = (await store.listFolders(backupsFolder)).filter((name) => RunId.safeParse(name).success);
  for (const id of folders.sort().reverse()) if (await store.head(backupKey(id, manifestFile))) return id;
  throw noBackupYet(store);
}

export function noBackupYet(store: ObjectStore): NoBackupYet {
  return new NoBackupYet(
    `there is no backup at ${store.uri('')} yet: make one with replicator backup, or correct --store`,
  );
}
