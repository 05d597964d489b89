import { createHash } from 'node:crypto';
import { readPreData } from '../definitions/pre-data.ts';
import type { Database, Session } from '../postgres/session.ts';
import { endless, type Lifetime } from '../run/lifetime.ts';
import { once } from './bookkeeping.ts';
import type { Rebuild } from './rebuild.ts';
import { type Definition, runDefinitions } from './run-definitions.ts';
import { openLoader } from './sessions.ts';

/**
 * Statements in one transaction. Every object made in one holds a lock until its end, and the server's lock table
 * has room for some thousands (max_locks_per_transaction).
 */
const transactionStatements = 500;

/**
 * Makes schemas, types, functions, tables and views from the backup's pre-data text, as the owner. Repeatable: a
 * second try goes on after the last transaction that was committed.
 * @returns notes on what was left out or belongs to another role, of earlier calls too, and whether some statements are
 *   left for another call
 * @throws DefinitionFailed naming the statement
 */
export async function loadPreData(
  target: Database,
  rebuild: Rebuild,
  preData: string,
  options: { readonly life?: Lifetime; readonly signal?: AbortSignal } = {},
): Promise<{ readonly notes: readonly string[]; readonly more: boolean }> {
  const { life = endless, signal } = options;
  const definitions = await readPreData(preData);
  const session = await openLoader(target, rebuild, { part: 'pre-data', signal });
  try {
    const notes: string[] = [];
    let worked = false;
    for (let from = 0; from < definitions.length; from += transactionStatements) {
      // Every call makes some headway
      if (worked && life.isNearlyOver) return { notes, more: true };
      const part = definitions.slice(from, from + transactionStatements);
      const { outcome, again } = await loadPart(session, rebuild, from, part);
      notes.push(...outcome);
      worked ||= !again;
    }
    return { notes, more: false };
  } finally {
    await session.end();
  }
}

async function loadPart(
  session: Session,
  rebuild: Rebuild,
  from: number,
  part: readonly Definition[],
): Promise<{ outcome: string[]; again: boolean }> {
  const fingerprint = createHash('sha256')
    .update(part.map(({ text }) => text).join(';'))
    .digest('hex');
  const mark = { step: 'pre-data', subject: String(from), fingerprint };
  const done = await once(session, mark, () => runDefinitions(session, part, rebuild.objectOwner));
  // What the text sets in this part, the next one relies on (default_table_access_method)
  if (done.again) for (const { text } of part.filter(isSetting)) await session.execute(text);
  return done;
}

function isSetting({ kind, text }: Definition): boolean {
  return kind === 'VariableSetStmt' || /^SELECT pg_catalog\.set_config\(/.test(text);
}
