import type { TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { inParallel } from './in-parallel.ts';
import type { Rebuild } from './rebuild.ts';
import { relationKey } from './relation-key.ts';
import { openLoader } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';
import type { SanitizedTable } from './verify-restore.ts';

/** Rows that must be found in one table, or together in the partitions of one. */
interface Expectation {
  readonly table: RelationName;
  readonly only: boolean;
  readonly rows: number;
}

/** Counts the rows of every table, with several sessions at once. */
export async function compareRows(
  target: Database,
  rebuild: Rebuild,
  loaded: readonly TableEntry[],
  sanitized: readonly SanitizedTable[],
  options: { readonly jobs: number; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly rows: number; readonly differences: readonly string[] }> {
  const differences: string[] = [];
  let rows = 0;
  await inParallel(
    expectations(loaded, sanitized),
    options.jobs,
    (worker) =>
      openLoader(target, rebuild, { part: `verify:${worker}`, asOwner: false, signal: options.signal }),
    async (session, expected) => {
      const counted = await countRows(session, expected);
      rows += counted ?? 0;
      if (counted === expected.rows) return;
      // An extension brings rows of its own, which no backup has
      if (counted !== undefined && counted > expected.rows && (await isExtensions(session, expected.table)))
        return;
      const { schema, name } = expected.table;
      const found = counted === undefined ? 'the table is missing' : `${counted} rows are there`;
      differences.push(`${schema}.${name}: ${found}, the backup has ${expected.rows}`);
    },
  );
  return { rows, differences: differences.sort() };
}

/** Largest first. Sanitising may change how many rows there are; then its own count is what must be found. */
function expectations(loaded: readonly TableEntry[], sanitized: readonly SanitizedTable[]): Expectation[] {
  const sanitizedRows = new Map(sanitized.map((table) => [relationKey(table), table.rows]));
  const single = loaded
    .filter(({ loadThrough }) => loadThrough === null)
    .map((table) => ({ table, only: true, rows: sanitizedRows.get(relationKey(table)) ?? table.rows }));
  const roots = new Map<string, Expectation>();
  for (const { loadThrough, rows } of loaded) {
    if (loadThrough === null) continue;
    const before = roots.get(relationKey(loadThrough))?.rows ?? 0;
    roots.set(relationKey(loadThrough), { table: loadThrough, only: false, rows: before + rows });
  }
  // Which partition a row lies in differs from the source, so only a root's own count can stand in for the sum
  const through = [...roots.values()].map((root) => ({
    ...root,
    rows: sanitizedRows.get(relationKey(root.table)) ?? root.rows,
  }));
  return [...single, ...through].sort((one, other) => other.rows - one.rows);
}

/** @returns undefined when there is no such table */
export async function countRows(
  session: Session,
  { table, only }: Pick<Expectation, 'table' | 'only'>,
): Promise<number | undefined> {
  const name = quoteName(table.schema, table.name);
  const sql = `SELECT pg_catalog.count(*)::text AS rows FROM ${only ? 'ONLY ' : ''}${name}`;
  try {
    const [row] = await session.query<{ rows: string }>(sql);
    return Number(row?.rows);
  } catch (error) {
    if (hasSqlState(error, '42P01', '3F000')) return undefined;
    if (!hasSqlState(error, '42501')) throw error;
    return countInSpiteOfPolicies(session, name, sql);
  }
}

/** FORCE ROW LEVEL SECURITY hides rows from the owner too; the rollback leaves it as it is. */
async function countInSpiteOfPolicies(session: Session, name: string, sql: string): Promise<number> {
  await session.execute(`BEGIN; ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`);
  try {
    const [row] = await session.query<{ rows: string }>(sql);
    return Number(row?.rows);
  } finally {
    await session.execute('ROLLBACK').catch(() => {});
  }
}

/** Whether an extension made the table. */
export async function isExtensions(session: Session, { schema, name }: RelationName): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_catalog.pg_depend d
       JOIN pg_catalog.pg_class c ON c.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e' AND n.nspname = $1 AND c.relname = $2`,
    [schema, name],
  );
  return rows.length > 0;
}
