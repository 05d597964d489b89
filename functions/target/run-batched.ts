import { StatementFailed } from '../postgres/errors.ts';
import type { Session } from '../postgres/session.ts';
import { named } from './run-definitions.ts';

const atOnce = 25;

/**
 * Runs statements in their order, several in one round trip and one transaction. When one fails, they are run again
 * one by one, so that the error can say which.
 * @throws DefinitionFailed naming the statement
 */
export async function runBatched(session: Session, texts: readonly string[]): Promise<void> {
  for (let from = 0; from < texts.length; from += atOnce) {
    const batch = texts.slice(from, from + atOnce);
    try {
      await session.execute(batch.join(';\n'));
    } catch (error) {
      if (!(error instanceof StatementFailed)) throw error;
      for (const text of batch) await runNamed(session, text);
    }
  }
}

async function runNamed(session: Session, text: string): Promise<void> {
  try {
    await session.execute(text);
  } catch (error) {
    throw named({ text }, error);
  }
}
