import { StatementFailed } from '../postgres/errors.ts';
import type { Session } from '../postgres/session.ts';

/**
 * Runs statements that may fail, inside the caller's transaction: all at once, and one by one when that fails.
 * @param what begins the note on a statement that failed
 * @returns notes on those that failed
 */
export async function tryEach(
  session: Session,
  statements: readonly string[],
  what: string,
): Promise<string[]> {
  if (statements.length === 0) return [];
  if ((await tryOne(session, statements.join(';\n'))) === undefined) return [];
  const notes: string[] = [];
  for (const statement of statements) {
    const refusal = await tryOne(session, statement);
    if (refusal !== undefined) notes.push(`${what}: ${statement} (${refusal})`);
  }
  return notes;
}

/** @returns the server's words when it failed */
async function tryOne(session: Session, sql: string): Promise<string | undefined> {
  await session.execute('SAVEPOINT attempt');
  try {
    await session.execute(sql);
    await session.execute('RELEASE SAVEPOINT attempt');
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    await session.execute('ROLLBACK TO SAVEPOINT attempt');
    return (error.cause as Error | undefined)?.message ?? error.message;
  }
}
