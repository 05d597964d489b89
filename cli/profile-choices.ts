import { randomBytes } from 'node:crypto';
import { UsageError } from '../functions/errors/usage.ts';
import { secretOrText } from '../functions/postgres/secret-text.ts';
import { findProfile } from '../functions/profile/find-profile.ts';
import { usesKey } from '../functions/profile/read-profile.ts';
import { environment as names } from '../functions/run/environment-names.ts';
import type { ProfileChoice, Surroundings } from '../functions/run/surroundings.ts';
import type { Io } from './io.ts';

/** What of a verb's options is about profiles. */
export interface ProfilePlaces {
  /** Applied where rows are read. */
  readonly sourceProfile?: string | undefined;
  readonly rows?: readonly string[];
  /** Applied where they are loaded. */
  readonly targetProfile?: string | undefined;
  readonly keepAdmin?: string | undefined;
  readonly stagingAdmin?: string | undefined;
}

type Chosen = Pick<Surroundings, 'sourceProfile' | 'targetProfile' | 'maskKey' | 'stagingAdminPassword'>;

/**
 * The profiles of a run, read once so that what is wrong with them is said at once, and the secrets that they need.
 * @throws BadProfile, UsageError, SecretUnusable
 */
export async function profileChoices(
  places: ProfilePlaces,
  { environment }: Io,
  warn: (message: string) => void,
): Promise<Chosen> {
  const { rows = [], keepAdmin, stagingAdmin } = places;
  const any = places.sourceProfile ?? places.targetProfile;
  if (any === undefined && (keepAdmin ?? stagingAdmin) !== undefined)
    throw new UsageError('--keep-admin and --staging-admin go with --profile, which is missing');
  const choice = (reference: string | undefined, more: Partial<ProfileChoice>): ProfileChoice => ({
    ...(reference !== undefined && { reference }),
    folder: process.cwd(),
    ...more,
  });
  const keeps = keepAdmin === undefined ? {} : { keep_admin: keepAdmin };
  const makes = stagingAdmin === undefined ? {} : { staging_admin: stagingAdmin };
  const source =
    places.sourceProfile === undefined && rows.length === 0
      ? undefined
      : choice(places.sourceProfile, { rows, switches: places.sourceProfile === undefined ? {} : keeps });
  const target =
    places.targetProfile === undefined
      ? undefined
      : choice(places.targetProfile, { switches: { ...keeps, ...makes } });
  const chosen = [source, target].filter((each) => each !== undefined);
  const profiles = await Promise.all(chosen.map(findProfile));
  const needsKey = profiles.some(usesKey);
  const given = environment[names.maskKey];
  if (needsKey && !given)
    warn(`${names.maskKey} is not set: what this run masks differs from what any other run makes of it`);
  const password = environment[names.adminPassword];
  if (stagingAdmin !== undefined && !password)
    throw new UsageError(`--staging-admin needs a password: set ${names.adminPassword}`);
  return {
    ...(source && { sourceProfile: source }),
    ...(target && { targetProfile: target }),
    ...(needsKey && { maskKey: given ? await secretOrText(given) : randomBytes(32).toString('hex') }),
    ...(target && password && { stagingAdminPassword: await secretOrText(password) }),
  };
}
