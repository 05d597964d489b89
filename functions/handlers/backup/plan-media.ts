import { BackupInput, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { scanSome } from '../../backup/scan-media.ts';
import { findProfile } from '../../profile/find-profile.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { leave } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** PlanMedia: which files go into the archive, and who reads them. */
export const planMedia = stateHandler(BackupInput, async ({ run, options }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, sourceMedia, mediaReason, sourceProfile, progress, signal } = surroundings;
  const at = roundOf(run);
  if (sourceMedia === undefined) {
    const without = mediaReason ?? 'no media directory was given';
    await leave(store, keys.media(at), { shards: [], without, notes: [] });
    return { shards: [], more: false };
  }
  const exclude = [
    ...options.excludeMedia,
    ...(sourceProfile ? (await findProfile(sourceProfile)).excludeMedia : []),
  ];
  const { shardBytes } = options;
  const found = await scanSome(store, at, sourceMedia, { shardBytes, exclude, life, signal });
  if (found.rest) return { more: true };
  const shards = Array.from({ length: found.shards }, (_, index) => index + 1);
  const leftOut = exclude.length > 0 && { leftOut: { patterns: exclude, ...found.leftOut } };
  await leave(store, keys.media(at), { shards, without: null, notes: found.notes, ...leftOut });
  for (const { path, note } of found.notes) progress.warn(`media: ${path}: ${note}`);
  progress.expect({ bytes: found.bytes, files: found.files });
  return { shards, more: false };
});
