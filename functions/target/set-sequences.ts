import type { SequenceEntry } from '../archive/manifest.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { DefinitionFailed } from './errors.ts';
import type { Rebuild } from './rebuild.ts';
import { withLoader } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';

/**
 * Gives every sequence the manifest's value. Repeatable.
 * @throws DefinitionFailed naming a sequence that is not there
 */
export async function setSequences(
  target: Database,
  rebuild: Rebuild,
  sequences: readonly SequenceEntry[],
  signal?: AbortSignal,
): Promise<void> {
  await withLoader(target, rebuild, { part: 'sequences', signal }, (session) =>
    setSequenceValues(session, sequences),
  );
}

/** `setval` of all of them in one statement; it is outside any transaction, a rollback does not undo it. */
export async function setSequenceValues(
  session: Session,
  sequences: readonly SequenceEntry[],
): Promise<void> {
  if (sequences.length === 0) return;
  try {
    await session.query(
      `SELECT pg_catalog.count(pg_catalog.setval(s.name::regclass, s.value, s.called))
         FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS s (name, value, called)`,
      [
        sequences.map(({ schema, name }) => quoteName(schema, name)),
        sequences.map(({ lastValue }) => lastValue),
        sequences.map(({ isCalled }) => isCalled),
      ],
    );
  } catch (error) {
    if (!hasSqlState(error, '42P01', '22003')) throw error;
    throw new DefinitionFailed(`a sequence could not be set: ${error.message}`, { cause: error });
  }
}
