import type { TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { quoteLiteral, quoteName } from '../postgres/quote.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database, Session } from '../postgres/session.ts';
import { forgetStep, readDone } from './bookkeeping.ts';
import { RestoreVerificationFailed } from './errors.ts';
import { subjectOf, tryPiece, vanished } from './piece.ts';
import type { Rebuild } from './rebuild.ts';
import { runWork, type Work, type WorkOptions } from './run-work.ts';
import { withLoader } from './sessions.ts';
import type { SanitizedTable } from './verify-restore.ts';

/** Rows that must be found in one table, or together in the partitions of one. */
interface Expectation {
  readonly table: RelationName;
  readonly only: boolean;
  readonly rows: number;
}

const step = 'count';
/** Tables under this size are counted in a moment, many at once. */
const smallBytes = 1024 * 1024;
const smallOnes = 50;

/**
 * Counts the rows of every table, with several sessions at once. What was counted is kept until `forgetCounts`, for
 * further calls that count the rest.
 * @returns undefined: there is more to count
 */
export async function compareRows(
  target: Database,
  rebuild: Rebuild,
  loaded: readonly TableEntry[],
  sanitized: readonly SanitizedTable[],
  options: WorkOptions,
): Promise<{ readonly rows: number; readonly differences: readonly string[] } | undefined> {
  const groups = grouped(expectations(loaded, sanitized), loaded);
  const sessions = { part: 'verify', asOwner: false, signal: options.signal };
  const counted = await withLoader(target, rebuild, sessions, (session) => readDone(session, step));
  const works = groups.map((group) => countWork(group, (outcome) => counted.set(subject(group), outcome)));
  const all = await runWork(
    target,
    rebuild,
    works.filter((work) => !counted.has(work.subject)).map((work) => [work]),
    { ...options, ...sessions },
  );
  if (!all) return undefined;
  return withLoader(target, rebuild, sessions, async (session) => {
    const found = groups.flatMap((group) => {
      const counts = counted.get(subject(group)) as (number | null)[];
      return group.map((expected, place) => ({ expected, count: counts[place] ?? undefined }));
    });
    const differences: string[] = [];
    for (const { expected, count } of found) {
      if (count === expected.rows) continue;
      // An extension brings rows of its own, which no backup has
      if (count !== undefined && count > expected.rows && (await isExtensions(session, expected.table)))
        continue;
      const { schema, name } = expected.table;
      const there = count === undefined ? 'the table is missing' : `${count} rows are there`;
      differences.push(`${schema}.${name}: ${there}, the backup has ${expected.rows}`);
    }
    return {
      rows: found.reduce((sum, { count }) => sum + (count ?? 0), 0),
      differences: differences.sort(),
    };
  });
}

/** Rows are counted anew by who compares them next. */
export async function forgetCounts(session: Session): Promise<void> {
  await forgetStep(session, step);
}

/** Large tables by themselves, small ones together. */
function grouped(expected: readonly Expectation[], loaded: readonly TableEntry[]): Expectation[][] {
  const small = new Set(loaded.filter(({ rawBytes }) => rawBytes < smallBytes).map(relationKey));
  const isSmall = ({ table }: Expectation) => small.has(relationKey(table));
  const rest = expected.filter(isSmall);
  const together = Array.from({ length: Math.ceil(rest.length / smallOnes) }, (_, group) =>
    rest.slice(group * smallOnes, (group + 1) * smallOnes),
  );
  return [...expected.filter((one) => !isSmall(one)).map((one) => [one]), ...together];
}

function subject(group: readonly Expectation[]): string {
  return subjectOf(group.flatMap(({ table }) => [table.schema, table.name]));
}

function countWork(group: readonly Expectation[], found: (counts: unknown) => void): Work {
  const counts = group.map(({ table, only }) => countStatements(quoteName(table.schema, table.name), only));
  const piece = {
    step,
    subject: subject(group),
    statements: [],
    variables: 'r_rows_of bigint;',
    finish: `r_outcome := '[]';\n${counts.join('\n')}`,
  };
  return {
    ...piece,
    attempt: async (session) => {
      const tried = await tryPiece(session, piece);
      const names = group.map(({ table }) => `${table.schema}.${table.name}`).join(', ');
      if (tried.is === 'failed')
        throw new RestoreVerificationFailed(
          `the rows of ${names} can't be counted: ${tried.message} (SQLSTATE ${tried.sqlState})`,
        );
      if (tried.is === 'vanished') throw vanished(`counting the rows of ${names}`);
      if (tried.is === 'done') found(tried.outcome);
      return tried.is === 'done';
    },
  };
}

/**
 * PL/pgSQL that adds a table's number of rows to an array, null when there is no such table. FORCE ROW LEVEL SECURITY
 * hides rows from the owner too, and is back before anybody sees that it was away.
 */
function countStatements(name: string, only: boolean): string {
  const count = `EXECUTE ${quoteLiteral(`SELECT pg_catalog.count(*) FROM ${only ? 'ONLY ' : ''}${name}`)} INTO r_rows_of;`;
  return `
    BEGIN
      ${count}
    EXCEPTION
      WHEN undefined_table OR invalid_schema_name THEN r_rows_of := NULL;
      WHEN insufficient_privilege THEN
        EXECUTE ${quoteLiteral(`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`)};
        ${count}
        EXECUTE ${quoteLiteral(`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY`)};
    END;
    r_outcome := r_outcome || pg_catalog.jsonb_build_array(r_rows_of);`;
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

/** Whether an extension made the table. */
async function isExtensions(session: Session, { schema, name }: RelationName): Promise<boolean> {
  const rows = await session.query(
    `SELECT 1 FROM pg_catalog.pg_depend d
       JOIN pg_catalog.pg_class c ON c.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e' AND n.nspname = $1 AND c.relname = $2`,
    [schema, name],
  );
  return rows.length > 0;
}
