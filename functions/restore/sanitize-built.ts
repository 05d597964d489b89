import type { TableEntry } from '../archive/manifest.ts';
import { quoteName } from '../postgres/quote.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database } from '../postgres/session.ts';
import { findUncovered } from '../profile/looks-secret.ts';
import { maskSettings } from '../profile/mask-key.ts';
import { type AppliedProfile, isKeyed } from '../profile/treatment.ts';
import type { Section } from '../report/sections.ts';
import type { Lifetime } from '../run/lifetime.ts';
import { need } from '../run/require.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { checkKeptAdmin } from '../sanitize/kept-admin.ts';
import { runStatements } from '../sanitize/run-statements.ts';
import { stagingAdmin } from '../sanitize/staging-admin.ts';
import { tablesAsKept } from './kept-rows.ts';
import type { Restoring } from './restoring.ts';

/**
 * What is left to do of a profile when all rows are there, which loading has masked already: its statements, the way in
 * that it leaves, and those of a file. And what all of it came to, for the report.
 * @returns whether all is done; false: the lifetime is nearly over
 * @throws SanitizeFailed; AdminMissing
 */
export async function sanitizeBuilt(
  restoring: Restoring,
  target: Database,
  options: { readonly jobs: number; readonly life: Lifetime },
  surroundings: Surroundings,
): Promise<boolean> {
  const { profile, rebuild } = restoring.plan;
  const { sanitize: file, signal } = surroundings;
  if (!profile && !file) return true;
  const users = usersOf(restoring);
  const keeps = profile?.switches.keep_admin;
  if (typeof keeps === 'string' && users) await checkKeptAdmin(target, rebuild, users, keeps, signal);
  const admin = profile && (await adminOf(restoring, profile, users, surroundings));
  const statements = [
    ...(profile?.statements.map(({ sql }) => sql) ?? []),
    ...(admin?.statements ?? []),
    ...(file?.statements ?? []),
  ];
  const keyed = profile !== undefined && isKeyed({ treatments: [], statements: profile.statements });
  const settings = {
    ...(keyed && maskSettings(need(surroundings, 'maskKey'))),
    ...admin?.settings,
  };
  if (statements.length > 0) {
    const outcome = await runStatements(target, rebuild, statements, { ...options, settings, signal });
    if (outcome === undefined) return false;
  }
  const kept = await tablesAsKept(restoring, target, signal);
  const given = (profile?.statements.length ?? 0) + (file?.statements.length ?? 0);
  await restoring.report('Sanitize', {
    name: [...(profile ? [profile.name] : []), ...(file ? [file.name] : [])].join(', '),
    statements: given,
    ...(profile && sectionOf(profile, restoring.tables, kept)),
  });
  if (admin)
    await restoring.note('Sanitize', [`the superuser ${profile?.switches.staging_admin} can log in`]);
  return true;
}

/** Django's users, where they are part of the restore. */
function usersOf({ tables }: Restoring): TableEntry | undefined {
  const named = tables.filter(({ name }) => name === 'auth_user');
  return named.find(({ schema }) => schema === 'public') ?? named[0];
}

async function adminOf(
  { runId, manifest }: Restoring,
  { switches }: AppliedProfile,
  users: TableEntry | undefined,
  surroundings: Surroundings,
) {
  const name = switches.staging_admin;
  if (typeof name !== 'string' || !users) return undefined;
  return stagingAdmin(name, need(surroundings, 'stagingAdminPassword'), {
    runId,
    table: quoteName(users.schema, users.name),
    time: manifest.snapshotAt,
  });
}

const isOff = ({ written }: { readonly written: string }) => /^false$/i.test(written);

function sectionOf(
  profile: AppliedProfile,
  tables: readonly TableEntry[],
  kept: readonly TableEntry[],
): Partial<Section<'Sanitize'>> {
  const before = new Map(tables.map((table) => [relationKey(table), table.rows]));
  const after = new Map(kept.map((table) => [relationKey(table), table.rows]));
  const treated = profile.treatments.flatMap((treatment) => {
    const key = relationKey(treatment);
    const [had, rows] = [before.get(key), after.get(key)];
    if (had === undefined || rows === undefined) return [];
    return [{ ...treatment, table: `${treatment.schema}.${treatment.name}`, had, rows }];
  });
  const changed = treated.filter(({ rows }) => rows > 0);
  return {
    removed: treated
      .filter(({ had, rows }) => had > rows)
      .map(({ table, had, rows }) => ({ table, rows: had - rows })),
    masked: changed.flatMap(({ table, columns, rows }) => {
      const masked = columns.filter((column) => !isOff(column)).map(({ column }) => column);
      return masked.length > 0 ? [{ table, columns: masked, rows }] : [];
    }),
    disabled: changed.flatMap(({ table, columns, rows }) =>
      columns.filter(isOff).map(({ column }) => ({ table, column, rows })),
    ),
    suspicious: findUncovered(profile, kept),
  };
}
