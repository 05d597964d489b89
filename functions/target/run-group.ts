import type { PostStatement } from '../definitions/post-data-groups.ts';
import type { Database } from '../postgres/session.ts';
import { endless } from '../run/lifetime.ts';
import { once } from './bookkeeping.ts';
import { DefinitionFailed } from './errors.ts';
import { subjectOf, tryPiece, vanished } from './piece.ts';
import type { Rebuild } from './rebuild.ts';
import { brief, refused, runDefinitions } from './run-definitions.ts';
import { runWork, type Work, type WorkOptions } from './run-work.ts';
import { withLoader } from './sessions.ts';

const transactionStatements = 500;

/**
 * Runs one group of definitions in its order, each part of it once. Those that may read a whole table are work of their
 * own, which may outlast this call.
 * @returns notes on what was left out or belongs to another role, of earlier calls too
 * @throws DefinitionFailed naming the statement; WorkVanished
 */
export async function runGroup(
  target: Database,
  rebuild: Rebuild,
  group: string,
  statements: readonly PostStatement[],
  options: WorkOptions & { readonly part: string },
): Promise<{ readonly notes: readonly string[]; readonly more: boolean }> {
  const { life = endless, part, signal } = options;
  const notes: string[] = [];
  for (const { from, items, long } of parts(statements)) {
    if (life.isNearlyOver) return { notes, more: true };
    if (long) {
      const outcome = await runLong(target, rebuild, group, items, options);
      if (outcome === 'more') return { notes, more: true };
      if (outcome === 'done') continue;
    }
    const mark = { step: group, subject: String(from), fingerprint: '' };
    const { outcome } = await withLoader(target, rebuild, { part, signal }, (session) =>
      once(session, mark, () => runDefinitions(session, items, rebuild.objectOwner)),
    );
    notes.push(...outcome);
  }
  return { notes, more: false };
}

interface Part {
  readonly from: number;
  readonly items: readonly PostStatement[];
  readonly long: boolean;
}

function parts(statements: readonly PostStatement[]): Part[] {
  const made: { from: number; items: PostStatement[]; long: boolean }[] = [];
  for (const [from, statement] of statements.entries()) {
    const long = mayTakeLong(statement);
    const last = made.at(-1);
    if (last && !long && !last.long && last.items.length < transactionStatements) last.items.push(statement);
    else made.push({ from, items: [statement], long });
  }
  return made;
}

/** What looks at every row of a table: an index that had to wait for a function, a check that is valid from the start. */
function mayTakeLong({ kind, text }: PostStatement): boolean {
  if (kind === 'IndexStmt') return true;
  return (
    kind === 'AlterTableStmt' && /\s(ADD|VALIDATE) CONSTRAINT\s/.test(text) && !/\sNOT VALID$/.test(text)
  );
}

/** @returns `forbidden`: the owner may not do it; perhaps the connecting role may */
async function runLong(
  target: Database,
  rebuild: Rebuild,
  group: string,
  items: readonly PostStatement[],
  options: WorkOptions & { readonly part: string },
): Promise<'done' | 'more' | 'forbidden'> {
  let forbidden = false;
  const texts = items.map(({ text }) => text);
  const step = `${group}, by itself`;
  const subject = subjectOf(texts);
  const work: Work = {
    step,
    subject,
    attempt: async (session) => {
      const tried = await tryPiece(session, { step, subject, statements: texts });
      if (tried.is === 'vanished') throw vanished(texts.map(brief).join('; '));
      if (tried.is !== 'failed') return tried.is === 'done';
      if (tried.sqlState !== '42501')
        throw new DefinitionFailed(refused(texts[tried.at] ?? '', tried.message, tried.sqlState));
      forbidden = true;
      return true;
    },
  };
  const done = await runWork(target, rebuild, [[work]], { ...options, jobs: 1 });
  if (!done) return 'more';
  return forbidden ? 'forbidden' : 'done';
}
