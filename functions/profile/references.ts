import { relationKey } from '../postgres/relation-key.ts';
import type { Problem } from './errors.ts';
import { dissect } from './expression.ts';
import type { TableShape } from './resolve-profile.ts';
import type { AppliedProfile, Treatment } from './treatment.ts';

interface Name {
  readonly schema: string;
  readonly name: string;
}

/** A foreign key: every row of `table` names one of `to`. */
export interface Reference {
  readonly constraint: string;
  readonly table: Name;
  readonly columns: readonly string[];
  readonly to: Name;
  /** Empty: its primary key. */
  readonly toColumns: readonly string[];
}

/** References of and to partitioned tables, as ones of and to the tables below them, which have the rows. */
export function betweenTablesWithRows(
  references: readonly Reference[],
  tables: readonly TableShape[],
): Reference[] {
  const leaves = new Map(
    tables.flatMap((table) => (table.leaves ? [[relationKey(table), table.leaves]] : [])),
  );
  const below = (table: Name): readonly Name[] => leaves.get(relationKey(table)) ?? [table];
  return references.flatMap((reference) =>
    below(reference.table).flatMap((table) => below(reference.to).map((to) => ({ ...reference, table, to }))),
  );
}

/**
 * Where all rows of a table go and its rule says so, references to them go too: the column becomes NULL, or where it
 * can't, the rows that refer go as well, and what refers to those.
 */
export function clearReferring(
  { treatments, ...applied }: AppliedProfile,
  references: readonly Reference[],
  tables: readonly TableShape[],
): AppliedProfile {
  const shapes = new Map(tables.map((table) => [relationKey(table), table]));
  const all = new Map(treatments.map((one) => [relationKey(one), one]));
  for (let again = true; again; ) {
    again = false;
    for (const { table, columns, to } of references) {
      const parent = all.get(relationKey(to));
      const shape = shapes.get(relationKey(table));
      const own = all.get(relationKey(table)) ?? untreated(table);
      if (!parent?.clears || parent.rows !== 'none' || own.rows === 'none' || !shape?.columns) continue;
      if (own.columns.some(({ column, sql }) => columns.includes(column) && sql === 'NULL')) continue;
      const nullable = columns.find((column) => !shape.notNull?.has(column));
      const cleared = { written: 'NULL', sql: 'NULL', longest: 'NULL', keyed: false, place: placeOf(parent) };
      all.set(
        relationKey(table),
        nullable === undefined
          ? { ...own, rows: 'none', clears: true }
          : {
              ...own,
              columns: [
                ...own.columns.filter(({ column }) => column !== nullable),
                { ...cleared, column: nullable },
              ],
            },
      );
      again = true;
    }
  }
  return { ...applied, treatments: [...all.values()] };
}

function untreated({ schema, name }: Name): Treatment {
  return { schema, name, rows: 'all', clears: false, except: null, columns: [], kept: [] };
}

/**
 * Rows that others refer to can't go alone, and the two ends of a reference can only be masked alike: said before hours
 * of work, which a foreign key would end.
 * @param isEmpty whether a table has no rows anyway, or is not there
 */
export async function checkReferences(
  applied: AppliedProfile,
  references: readonly Reference[],
  isEmpty: (table: Name) => boolean,
): Promise<Problem[]> {
  const treatments = new Map(applied.treatments.map((one) => [relationKey(one), one]));
  const problems: Problem[] = [];
  for (const reference of references) {
    const from = treatments.get(relationKey(reference.table));
    const to = treatments.get(relationKey(reference.to));
    if ((!from && !to) || from?.rows === 'none' || isEmpty(reference.table)) continue;
    if (await isNulled(from, reference)) continue;
    if (to && to.rows !== 'all')
      problems.push({
        place: placeOf(to),
        what: `rows of ${nameOf(reference.to)} can't go alone: ${nameOf(reference.table)} (${reference.columns.join(', ')}) refers to them; give it rows: none, or its column NULL where it may be`,
      });
    problems.push(...maskedApart(reference, from, to));
  }
  return problems;
}

function nameOf({ schema, name }: Name): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}

function placeOf({ rows, columns, except }: Treatment): string {
  return (typeof rows === 'string' ? (columns[0]?.place ?? except?.place) : rows.place) ?? 'the profile';
}

/** A reference of which one column is NULL refers to nothing. */
async function isNulled(from: Treatment | undefined, { columns }: Reference): Promise<boolean> {
  if (!from || from.except) return false;
  for (const { column, written } of from.columns)
    if (columns.includes(column) && (await dissect(written)).isNull) return true;
  return false;
}

function maskedApart(
  { columns, toColumns, table, to: parent }: Reference,
  from: Treatment | undefined,
  to: Treatment | undefined,
): Problem[] {
  const maskOf = (treatment: Treatment | undefined, column: string | undefined) =>
    treatment?.columns.find((one) => one.column === column);
  return columns.flatMap((column, index) => {
    const toColumn = toColumns[index];
    const ours = maskOf(from, column);
    const theirs = maskOf(to, toColumn);
    const masked = ours ?? theirs;
    if (!masked) return [];
    const alike =
      ours !== undefined &&
      theirs !== undefined &&
      inOtherWords(ours.written, from?.except, column) ===
        inOtherWords(theirs.written, to?.except, toColumn ?? '');
    if (alike) return [];
    return [
      {
        place: masked.place,
        what: `${nameOf(table)}.${column} refers to ${nameOf(parent)}.${toColumn ?? 'its key'}: mask both by the same expression, or neither`,
      },
    ];
  });
}

/** An expression, and where it doesn't hold, whose column has no name. */
function inOtherWords(expression: string, except: Treatment['except'] | undefined, column: string): string {
  return `${expression} / ${except?.written ?? ''}`.replace(/\s+/g, ' ').split(column).join('?');
}
