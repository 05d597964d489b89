import type { ProfileChanges } from '../archive/manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database, Session } from '../postgres/session.ts';
import { checkFunctions } from '../profile/check-functions.ts';
import { type Problem, refuseProblems } from '../profile/errors.ts';
import { findProfile } from '../profile/find-profile.ts';
import { guarded } from '../profile/guarded-mask.ts';
import { findUncovered } from '../profile/looks-secret.ts';
import { maskSettings } from '../profile/mask-key.ts';
import { betweenTablesWithRows, checkReferences, clearReferring } from '../profile/references.ts';
import { resolveProfile } from '../profile/resolve-profile.ts';
import {
  type AppliedProfile,
  changesRows,
  isKeyed,
  masksOf,
  predicateOf,
  type Treatment,
} from '../profile/treatment.ts';
import { guardedWords } from '../run/rows-not-changed.ts';
import type { ProfileChoice } from '../run/surroundings.ts';
import type { FoundSource } from '../snapshot/open-snapshot.ts';
import { readRelations } from '../snapshot/relations.ts';
import { type LeaveOut, selectRelations } from '../snapshot/select-relations.ts';
import { connectForSnapshot } from '../snapshot/snapshot-session.ts';
import { readTables, type TableToRead } from '../snapshot/tables.ts';
import { changesOf } from './changes-of.ts';
import {
  type Columns,
  fromOnly,
  readColumns,
  readReferences,
  refusal,
  shapesOf,
} from './profile-catalogue.ts';

/** What a profile leaves of what a backup would hold. */
export interface ProfiledSource {
  readonly rows: readonly TableToRead[];
  readonly definitionOnly: readonly TableToRead[];
  readonly changes: ProfileChanges;
  readonly notes: readonly string[];
}

/**
 * Applies a profile to what is to be read, under the snapshot: every expression is planned by the server against the
 * real columns.
 * @throws BadProfile with everything that is wrong
 */
export async function applyProfile(
  choice: ProfileChoice,
  session: Session,
  found: FoundSource,
): Promise<ProfiledSource> {
  const profile = await findProfile(choice);
  const columns = await readColumns(session);
  const oids = new Set([...found.rows, ...found.definitionOnly].map(({ oid }) => oid));
  const shapes = shapesOf(found.relations, columns, oids);
  const references = betweenTablesWithRows(await readReferences(session), shapes);
  const resolved = await resolveProfile(profile, shapes, new Date(found.takenAt).toISOString());
  const applied = clearReferring(resolved.applied, references, shapes);
  const withRows = new Set(found.rows.map(relationKey));
  const problems = [
    ...resolved.problems,
    ...(await checkReferences(applied, references, (table) => !withRows.has(relationKey(table)))),
    ...(await checkAtSource(session, applied, found.rows, columns)),
  ];
  const treatments = new Map(applied.treatments.map((one) => [relationKey(one), one]));
  refuseProblems(problems, 'nothing was read');
  const treated = (table: TableToRead) => treatments.get(relationKey(table));
  return {
    changes: changesOf(applied),
    notes: notesOn(applied, found.rows),
    rows: found.rows
      .filter((table) => treated(table)?.rows !== 'none')
      .map((table) => changed(table, treated(table), columns.get(table.oid))),
    definitionOnly: [
      ...found.definitionOnly,
      ...found.rows.filter((table) => treated(table)?.rows === 'none' && table.condition === null),
    ],
  };
}

/** Columns that look like secrets and that no rule is about. */
function notesOn(applied: AppliedProfile, rows: readonly TableToRead[]): string[] {
  const uncovered = findUncovered(
    applied,
    rows.map(({ schema, name, columns, pages }) => ({ schema, name, columns, rows: pages })),
  );
  return uncovered.length === 0
    ? []
    : [`look like secrets, and no rule of the profile is about them: ${uncovered.join(', ')}`];
}

/**
 * Does a profile fit a source, of which no snapshot is kept yet? Holds nothing afterwards.
 * @throws BadProfile, and what choosing tables throws
 */
export async function checkProfile(
  choice: ProfileChoice,
  source: Database,
  leaveOut: LeaveOut,
  signal: AbortSignal,
): Promise<void> {
  const session = await connectForSnapshot(source, { applicationName: 'replicator:profile', signal });
  try {
    await session.execute('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const relations = await readRelations(session);
    const selection = selectRelations(relations, leaveOut, source.address.database);
    const rows = await readTables(session, selection.rows, relations);
    const definitionOnly = await readTables(session, selection.definitionOnly, relations);
    const takenAt = new Date().toISOString();
    await applyProfile(choice, session, { takenAt, rows, definitionOnly, relations });
  } finally {
    await session.end();
  }
}

function changed(
  table: TableToRead,
  treatment: Treatment | undefined,
  columns: Columns | undefined,
): TableToRead {
  if (!treatment || !changesRows(treatment)) return table;
  const masks = [...masksOf(treatment)].flatMap(([column, sql]): [string, string][] => {
    const type = columns?.get(column);
    return type ? [[column, guarded(sql, type, `${table.schema}.${table.name}.${column}`, true)]] : [];
  });
  return {
    ...table,
    changed: {
      columns: masks,
      where: predicateOf(treatment) ?? null,
      keyed: isKeyed({ treatments: [treatment], statements: [] }),
    },
  };
}

async function checkAtSource(
  session: Session,
  applied: AppliedProfile,
  tables: readonly TableToRead[],
  columns: ReadonlyMap<number, Columns>,
): Promise<Problem[]> {
  // Names mean here what they mean to COPY; a plan may evaluate what is stable, for which some key has to do
  const settings = Object.entries({ search_path: '', ...maskSettings('') });
  await session.execute(
    `SAVEPOINT profiles; ${settings.map(([name, value]) => `SET LOCAL ${name} = '${value}'`).join('; ')}`,
  );
  const problems = await checkFunctions(session, applied);
  const byKey = new Map(tables.map((table) => [relationKey(table), table]));
  for (const treatment of applied.treatments) {
    const table = byKey.get(relationKey(treatment));
    if (table) problems.push(...(await checkTreatment(session, treatment, columns.get(table.oid))));
  }
  await session.execute('ROLLBACK TO SAVEPOINT profiles');
  return problems;
}

async function checkTreatment(
  session: Session,
  treatment: Treatment,
  columns: Columns | undefined,
): Promise<Problem[]> {
  const { name, rows, except } = treatment;
  const from = fromOnly(treatment);
  const problems: Problem[] = [];
  for (const predicate of [...(typeof rows === 'string' ? [] : [rows]), ...(except ? [except] : [])]) {
    const words = await refusal(session, `SELECT 1 ${from} WHERE (${predicate.sql}\n)`);
    if (words !== undefined) problems.push({ place: predicate.place, what: `${name}, rows: ${words}` });
  }
  for (const { column, sql, longest, place } of treatment.columns) {
    const type = columns?.get(column);
    if (!type) continue;
    const about = `${name}.${column}`;
    const planned = (text: string) => `SELECT ${guarded(text, type, about, false)} ${from}`;
    const words =
      (await refusal(session, planned(sql))) ??
      (longest === sql ? undefined : await refusal(session, planned(longest)));
    if (words !== undefined) problems.push({ place, what: `${about}: ${guardedWords(words)}` });
  }
  return problems;
}
