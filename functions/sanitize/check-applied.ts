import { splitStatements } from '../definitions/statements.ts';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { checkFunctions } from '../profile/check-functions.ts';
import type { Problem } from '../profile/errors.ts';
import { dissect } from '../profile/expression.ts';
import { maskSettings } from '../profile/mask-key.ts';
import type { AppliedProfile, Placed, Treatment } from '../profile/treatment.ts';
import type { Rebuild } from '../target/rebuild.ts';
import { withLoader } from '../target/sessions.ts';

/**
 * Holds a profile against the tables of the hidden database, before there are rows in them: every expression, predicate
 * and statement is planned by the server. Changes nothing.
 */
export async function checkApplied(
  target: Database,
  rebuild: Rebuild,
  applied: AppliedProfile,
  signal: AbortSignal,
): Promise<Problem[]> {
  // A plan may evaluate what is stable, for which some key has to do
  const sessions = { part: 'profile', settings: maskSettings(''), signal };
  return withLoader(target, rebuild, sessions, async (session) => {
    const problems = await checkFunctions(session, applied);
    for (const treatment of applied.treatments) problems.push(...(await checkTreatment(session, treatment)));
    return [...problems, ...(await checkStatements(session, applied.statements))];
  });
}

async function checkTreatment(session: Session, treatment: Treatment): Promise<Problem[]> {
  const { schema, name, rows, except, columns } = treatment;
  const table = quoteName(schema, name);
  const problems: Problem[] = [];
  const check = async ({ place }: Placed, sql: string, about: string) => {
    const words = await refusal(session, sql);
    if (words !== undefined) problems.push({ place, what: `${about}: ${words}` });
    return words === undefined;
  };
  const predicates = [...(typeof rows === 'string' ? [] : [rows]), ...(except ? [except] : [])];
  for (const predicate of predicates)
    await check(predicate, `SELECT 1 FROM ONLY ${table} WHERE (${predicate.sql}\n)`, `${name}, rows`);
  const notNull = await notNullColumns(session, treatment);
  for (const column of columns) {
    const about = `${name}.${column.column}`;
    const insert = (sql: string) =>
      `INSERT INTO ${table} (${quoteIdentifier(column.column)}) OVERRIDING SYSTEM VALUE SELECT (${sql}\n) FROM ONLY ${table}`;
    const fits = await check(column, insert(column.sql), about);
    if (fits && column.longest !== column.sql) await check(column, insert(column.longest), about);
    if (notNull.has(column.column) && (await dissect(column.written)).isNull)
      problems.push({ place: column.place, what: `${about} can't be NULL` });
  }
  return problems;
}

async function notNullColumns(session: Session, { schema, name }: Treatment): Promise<Set<string>> {
  const rows = await session.query<{ name: string }>(
    `SELECT a.attname::text AS name
       FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND a.attnotnull`,
    [schema, name],
  );
  return new Set(rows.map((row) => row.name));
}

const planned = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Up to the first one that isn't planned: what follows may need what it makes. */
async function checkStatements(session: Session, statements: readonly Placed[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  let looks = true;
  await session.execute('SET search_path = "$user", public');
  for (const { sql, place } of statements) {
    const wrong = (what: string) => problems.push({ place, what });
    const found = await splitStatements(sql).catch((error: Error) => error);
    if (found instanceof Error) wrong(`not SQL: ${found.message}`);
    else if (found.length !== 1) wrong(`${found.length} statements; write each as one of its own`);
    else if (found[0]?.kind === 'TransactionStmt') wrong('begins or ends a transaction; all run in one');
    else if (!planned.has(found[0]?.kind ?? '')) looks = false;
    else if (looks) {
      const words = await refusal(session, found[0]?.text ?? '');
      if (words !== undefined) wrong(words);
    }
  }
  await session.execute(`SET search_path = ''`);
  return problems;
}

async function refusal(session: Session, sql: string): Promise<string | undefined> {
  try {
    await session.execute(`EXPLAIN ${sql}`);
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    return (error.cause as Error | undefined)?.message ?? error.message;
  }
}
