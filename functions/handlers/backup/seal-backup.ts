import { retainBackup } from '../../archive/retain-backup.ts';
import { SnapshotInput } from '../../backup/input.ts';
import { sealRun } from '../../backup/seal.ts';
import { backupKey } from '../../run/keys.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { stateHandler } from '../state-handler.ts';

/** SealBackup: from here on the backup exists. */
export const sealBackup = stateHandler(
  SnapshotInput,
  async ({ run, options, snapshot }, { store, retention, progress, signal, remainingMs }) => {
    const life = new Lifetime(remainingMs);
    const manifest = await sealRun(store, run, options, snapshot, { life, signal });
    if (!manifest) return { more: true };
    if (retention) await retainBackup(store, manifest, retention);
    const bytes =
      manifest.files.database.size + manifest.files.schema.size + (manifest.files.media?.size ?? 0);
    progress.measure('BackupsSealed', 1);
    progress.measure('SealedBackupBytes', bytes);
    progress.measure('SealedBackupTakenAt', Date.parse(snapshot.takenAt) / 1000);
    progress.measure('BackupSeconds', (Date.now() - Date.parse(run.startedAt)) / 1000);
    return {
      more: false,
      backupId: manifest.backupId,
      uri: store.uri(backupKey(manifest.backupId, '')),
      tables: manifest.tables.length,
      rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
      bytes,
    };
  },
);
