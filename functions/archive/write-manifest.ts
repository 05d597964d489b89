import { backupKey, manifestFile } from '../run/keys.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { BackupSealedDifferently } from './errors.ts';
import { Manifest, type ManifestBody } from './manifest.ts';
import { checksumOf } from './manifest-checksum.ts';
import { readManifest } from './read-manifest.ts';

/**
 * Writes `manifest.json`, after which the backup exists. Repeatable: the manifest of an earlier call, which may differ
 * in the time of sealing, wins and is returned. Throws `BackupSealedDifferently`.
 */
export async function writeManifest(store: ObjectStore, body: ManifestBody): Promise<Manifest> {
  const { checksum: _, ...plain } = Manifest.parse({ ...body, checksum: '0'.repeat(64) });
  const manifest: Manifest = { ...plain, checksum: checksumOf(plain) };
  const key = backupKey(body.backupId, manifestFile);
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  if (await store.putNew(key, text, 'application/json')) return manifest;
  const there = await readManifest(store, body.backupId);
  if (withoutTime(there) === withoutTime(manifest)) return there;
  throw new BackupSealedDifferently(
    `backup ${body.backupId} is sealed already at ${store.uri(key)}, with another content; sealed backups are never changed`,
  );
}

function withoutTime({ checksum: _, sealedAt: __, ...rest }: Manifest): string {
  return JSON.stringify(rest);
}
