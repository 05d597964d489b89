import { backupKey, databaseFile, manifestFile, mediaFile, schemaFile } from '../run/keys.ts';
import type { RetentionRule } from '../run/retention.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Manifest } from './manifest.ts';

const dayMs = 24 * 3600 * 1000;

/** Locks every object of a sealed backup for so many days from its sealing on. Repeatable. */
export async function retainBackup(
  store: ObjectStore,
  { backupId, files, sealedAt }: Manifest,
  { mode, days }: RetentionRule,
): Promise<void> {
  const until = new Date(Date.parse(sealedAt) + days * dayMs);
  const names = [databaseFile, schemaFile, ...(files.media ? [mediaFile] : []), manifestFile];
  for (const name of names) await store.retain(backupKey(backupId, name), { mode, until });
}
