import type { AppliedProfile } from '../profile/treatment.ts';
import { MasksCollide } from '../sanitize/errors.ts';
import { DefinitionFailed } from '../target/errors.ts';

/** Masked values that are not unique show when an index is built that says they are: explains why it could not be. */
export async function explainingCollisions<T>(
  profile: AppliedProfile | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DefinitionFailed) || !error.message.includes('(SQLSTATE 23505)')) throw error;
    const masked = profile?.treatments.find(
      ({ name, columns }) => columns.length > 0 && new RegExp(`\\b${name}\\b`).test(error.message),
    );
    if (!masked) throw error;
    const columns = masked.columns.map(({ column }) => column).join(', ');
    throw new MasksCollide(
      `${masked.schema}.${masked.name}: the profile's masks (of ${columns}) give a value twice where it must be unique; let them depend on the value, as mask.hash(${columns.split(',')[0]}) does: ${error.message}`,
      { cause: error },
    );
  }
}
