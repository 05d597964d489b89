import { matchMedia } from '../media/patterns.ts';
import { BadProfile } from '../profile/errors.ts';
import { findProfile } from '../profile/find-profile.ts';
import type { RestoreOptions } from '../run/state.ts';
import type { Surroundings } from '../run/surroundings.ts';
import type { RestoreRecord } from './records.ts';

/**
 * Which media stay out, and which columns refer to files, by options and profile. A profile that can't be read is no
 * matter here: another check says so.
 * @throws BadMediaPattern
 */
export async function mediaRulesOf(
  { excludeMedia }: Pick<RestoreOptions, 'excludeMedia'>,
  { targetProfile }: Pick<Surroundings, 'targetProfile'>,
): Promise<Pick<RestoreRecord, 'excludeMedia' | 'files'>> {
  const profile = targetProfile && (await findProfile(targetProfile).catch(unlessBad));
  const patterns = [...excludeMedia, ...(profile?.excludeMedia ?? [])];
  matchMedia(patterns);
  return { excludeMedia: patterns, files: [...(profile?.files ?? [])] };
}

function unlessBad(error: unknown): undefined {
  if (!(error instanceof BadProfile)) throw error;
}
