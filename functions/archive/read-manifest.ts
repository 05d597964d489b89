import { z } from 'zod';
import { backupKey, manifestFile } from '../run/keys.ts';
import { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { BackupUnknown, DamagedBackup, ManifestTooNew, type NoBackupYet } from './errors.ts';
import { listBackups, noBackupYet } from './list-backups.ts';
import { Manifest, manifestVersion } from './manifest.ts';
import { checksumOf } from './manifest-checksum.ts';

/** How many ids a message about an unknown one lists. */
const idsListed = 5;

const AnyVersion = z.object({
  format: z.literal('nautobot-replicator-backup'),
  version: z.int().positive(),
  checksum: z.string(),
});

/** Throws `BackupUnknown`, `ManifestTooNew`, `DamagedBackup`. */
export async function readManifest(store: ObjectStore, backupId: string): Promise<Manifest> {
  if (!RunId.safeParse(backupId).success) throw await unknown(store, backupId);
  const found = await store.get(backupKey(backupId, manifestFile));
  if (!found) throw await unknown(store, backupId);
  const manifest = parseManifest(found.body, store.uri(backupKey(backupId, manifestFile)));
  if (manifest.backupId !== backupId)
    throw new DamagedBackup(
      `${store.uri(found.facts.key)} is the manifest of ${manifest.backupId}: use another backup, or move it back`,
    );
  return manifest;
}

/** @param where for messages */
export function parseManifest(bytes: Buffer, where: string): Manifest {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new DamagedBackup(`${where} is not JSON: it was cut short or changed; use another backup`, {
      cause: error,
    });
  }
  const any = AnyVersion.safeParse(document);
  if (!any.success)
    throw new DamagedBackup(`${where} is not a manifest: it was changed; use another backup`, {
      cause: any.error,
    });
  // Before the checksum: a newer version may define it in another way.
  if (any.data.version > manifestVersion)
    throw new ManifestTooNew(
      `${where} has format version ${any.data.version}, and this program reads up to version ${manifestVersion}: update nautobot-replicator`,
    );
  if (any.data.checksum !== checksumOf(document as object))
    throw new DamagedBackup(
      `${where} does not have the checksum that it says: it was changed; use another backup`,
    );
  const manifest = Manifest.safeParse(document);
  if (manifest.success) return manifest.data;
  throw new DamagedBackup(`${where} is not a manifest of version ${any.data.version}; use another backup`, {
    cause: manifest.error,
  });
}

async function unknown(store: ObjectStore, backupId: string): Promise<BackupUnknown | NoBackupYet> {
  const ids = await listBackups(store);
  if (ids.length === 0) return noBackupYet(store);
  const newest = ids.slice(0, idsListed).join(', ');
  const more = ids.length > idsListed ? `, and ${ids.length - idsListed} older ones` : '';
  return new BackupUnknown(
    `there is no backup ${JSON.stringify(backupId)} at ${store.uri('')}; there are: ${newest}${more}`,
  );
}
