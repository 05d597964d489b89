import { compareMedia as compare } from '../../backup/compare-media.ts';
import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { findProfile } from '../../profile/find-profile.ts';
import { need } from '../../run/require.ts';
import { leave } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** CompareMedia: which files the database refers to and the archive won't have, and the other way round. */
export const compareMedia = stateHandler(SnapshotInput, async ({ run, snapshot }, surroundings) => {
  const { store, progress, signal, sourceProfile } = surroundings;
  const at = roundOf(run);
  const compared = await compare(store, need(surroundings, 'source'), at, {
    backupId: run.id,
    text: snapshot.text,
    files: sourceProfile ? (await findProfile(sourceProfile)).files : [],
    signal,
  });
  if (!compared) return;
  const { comparison, unknown } = compared;
  for (const name of unknown)
    progress.warn(`media: the profile's files name ${name}, which is no column of the backup's tables`);
  await leave(store, keys.mediaComparison(at), comparison);
});
