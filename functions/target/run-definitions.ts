import { StatementFailed } from '../postgres/errors.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { DefinitionFailed } from './errors.ts';
import { hasSqlState } from './sql-state.ts';

export interface Definition {
  /** PostgreSQL's name for it, `CreateStmt`. */
  readonly kind: string;
  /** Without its semicolon. */
  readonly text: string;
  /** Why a role may be refused it, when nothing depends on it. */
  readonly dispensable?: string;
}

/** What only a superuser may, and a database works without. */
const leftOutWhenForbidden = new Set([
  'CreateEventTrigStmt',
  'AlterEventTrigStmt',
  'CreatePublicationStmt',
  'AlterPublicationStmt',
  'CommentStmt',
  'SecLabelStmt',
]);

/**
 * Executes definitions in order, inside the caller's transaction, as `owner`; many at once, and one by one only where
 * a batch fails. A definition that the owner may not make is made by the connecting role if that may.
 * @returns notes: what was left out or belongs to another role, and why
 * @throws DefinitionFailed naming the statement
 */
export async function runDefinitions(
  session: Session,
  definitions: readonly Definition[],
  owner: string,
): Promise<string[]> {
  const notes: string[] = [];
  for (let from = 0; from < definitions.length; from += 100) {
    const batch = definitions.slice(from, from + 100);
    try {
      await inSavepoint(session, batch.map(({ text }) => text).join(';\n'));
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      for (const definition of batch) notes.push(...(await runOne(session, definition, owner)));
    }
  }
  return notes;
}

async function runOne(session: Session, definition: Definition, owner: string): Promise<string[]> {
  try {
    await inSavepoint(session, definition.text);
    return [];
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    if (isThereAlready(definition, error)) return [];
    // undefined_object: what it changes or comments on was left out before
    if (error.sqlState === '42704' && leftOutWhenForbidden.has(definition.kind))
      return [`left out with what it is about: ${brief(definition.text)}`];
    // feature_not_supported: a server built without LZ4; the column is stored otherwise, and holds the same
    if (error.sqlState === '0A000' && isCompression(definition))
      return [`left out (the server knows no such compression): ${brief(definition.text)}`];
    if (!hasSqlState(error, '42501')) throw named(definition, error);
    return runAsLogin(session, definition, owner, error);
  }
}

async function runAsLogin(
  session: Session,
  definition: Definition,
  owner: string,
  refusal: StatementFailed,
): Promise<string[]> {
  try {
    await session.execute('RESET ROLE');
    await inSavepoint(session, definition.text);
    return definition.kind === 'CommentStmt'
      ? []
      : [`belongs to the connecting role, because "${owner}" may not make it: ${brief(definition.text)}`];
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    if (definition.dispensable === undefined && !leftOutWhenForbidden.has(definition.kind))
      throw named(definition, refusal);
    const why = definition.dispensable ?? 'the role may not do it';
    return [`left out (${why}): ${brief(definition.text)}`];
  } finally {
    await session.execute(`SET ROLE ${quoteIdentifier(owner)}`).catch(() => {});
  }
}

/** Schemas that an extension needed before, public, and settings of other versions of the server. */
function isThereAlready({ kind }: Definition, error: StatementFailed): boolean {
  return (
    (kind === 'CreateSchemaStmt' && error.sqlState === '42P06') ||
    (kind === 'VariableSetStmt' && error.sqlState === '42704')
  );
}

function isCompression({ kind, text }: Definition): boolean {
  return kind === 'AlterTableStmt' && / SET COMPRESSION \w+$/.test(text);
}

async function inSavepoint(session: Session, sql: string): Promise<void> {
  await session.execute('SAVEPOINT definition');
  try {
    await session.execute(sql);
  } catch (error) {
    if (error instanceof StatementFailed) await session.execute('ROLLBACK TO SAVEPOINT definition');
    throw error;
  }
  await session.execute('RELEASE SAVEPOINT definition');
}

/** An error that says which definition failed. */
export function named({ text }: { readonly text: string }, cause: unknown): unknown {
  if (!(cause instanceof StatementFailed)) return cause;
  const words = (cause.cause as Error | undefined)?.message ?? cause.message;
  return new DefinitionFailed(refused(text, words, cause.sqlState), { cause });
}

/** The server's words about a definition. */
export function refused(text: string, words: string, sqlState: string): string {
  // insufficient_privilege: types, functions in C, foreign data wrappers need a superuser
  const hint = sqlState === '42501' ? '; restore with a role that may (a superuser)' : '';
  return `${brief(text)}: ${words} (SQLSTATE ${sqlState})${hint}`;
}

export function brief(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 240 ? `${line.slice(0, 240)}…` : line;
}
