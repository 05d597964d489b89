import type { PostData } from '../definitions/post-data-groups.ts';
import { relationKey } from '../postgres/relation-key.ts';
import { refuseProblems } from '../profile/errors.ts';
import { findProfile } from '../profile/find-profile.ts';
import {
  betweenTablesWithRows,
  checkReferences,
  clearReferring,
  type Reference,
} from '../profile/references.ts';
import { resolveProfile } from '../profile/resolve-profile.ts';
import { type AppliedProfile, isKeyed } from '../profile/treatment.ts';
import { need } from '../run/require.ts';
import type { ProfileChoice, Surroundings } from '../run/surroundings.ts';
import type { Restoring } from './restoring.ts';
import { tablesOfBackup } from './tables-of-backup.ts';

/**
 * What a profile does to the tables of a backup, as far as names and references tell: columns' types are looked at
 * when there are tables.
 * @throws BadProfile with everything that is wrong; ConfigurationMissing without the key that its masks need
 */
export async function planProfile(
  choice: ProfileChoice,
  { manifest, plan }: Pick<Restoring, 'manifest' | 'plan'>,
  texts: { readonly preData: string; readonly postData: PostData },
  surroundings: Surroundings,
): Promise<AppliedProfile> {
  const profile = await findProfile(choice);
  const tables = await tablesOfBackup(manifest, texts.preData);
  const { applied: resolved, problems } = await resolveProfile(profile, tables, manifest.snapshotAt);
  const keys = texts.postData.foreignKeys.map(
    (key): Reference => ({
      constraint: key.name,
      table: key.relation,
      columns: key.columns,
      to: key.references,
      toColumns: key.referencedColumns,
    }),
  );
  const references = betweenTablesWithRows(keys, tables);
  const applied = clearReferring(resolved, references, tables);
  const withRows = new Set(
    manifest.tables.filter(({ content, rows }) => content === 'rows' && rows > 0).map(relationKey),
  );
  // Single tables go into a target whose own foreign keys are checked again
  const wrong =
    plan.scope === 'tables'
      ? []
      : await checkReferences(applied, references, (table) => !withRows.has(relationKey(table)));
  refuseProblems([...problems, ...wrong], 'nothing was built');
  if (isKeyed(applied)) need(surroundings, 'maskKey');
  if (applied.switches.staging_admin) need(surroundings, 'stagingAdminPassword');
  return applied;
}
