import type { SequenceEntry } from '../archive/manifest.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { endless, type Lifetime } from '../run/lifetime.ts';
import { once } from './bookkeeping.ts';
import { DefinitionFailed } from './errors.ts';
import type { Rebuild } from './rebuild.ts';
import { withLoader } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';

/** Sequences in one transaction: each holds a lock until its end, like every object (max_locks_per_transaction). */
const transactionSequences = 500;

/**
 * Gives every sequence the manifest's value. Repeatable: a second try goes on after the last transaction.
 * @returns whether some are left for another call
 * @throws DefinitionFailed naming a sequence that is not there
 */
export async function setSequences(
  target: Database,
  rebuild: Rebuild,
  sequences: readonly SequenceEntry[],
  options: { readonly life?: Lifetime; readonly signal?: AbortSignal } = {},
): Promise<{ readonly more: boolean }> {
  const { life = endless, signal } = options;
  return withLoader(target, rebuild, { part: 'sequences', signal }, async (session) => {
    let worked = false;
    for (let from = 0; from < sequences.length; from += transactionSequences) {
      // Every call makes some headway
      if (worked && life.isNearlyOver) return { more: true };
      const some = sequences.slice(from, from + transactionSequences);
      const mark = { step: 'sequences', subject: String(from), fingerprint: '' };
      const { again } = await once(session, mark, () => setSequenceValues(session, some));
      worked ||= !again;
    }
    return { more: false };
  });
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
