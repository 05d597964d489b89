import { describeAddress } from '../postgres/address.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { TargetNotAllowed } from './errors.ts';

const markLine = 'replicator: restore target';
const restoredLine = 'replicator: restored by run ';

/** Whether the database may be replaced: its comment carries the mark (invariant 3). */
export async function isMarked(database: Database, signal?: AbortSignal): Promise<boolean> {
  return within(database, signal, async (session) => {
    const comment = await readDatabaseComment(session, database.address.database);
    return hasMark(comment);
  });
}

/** Adds the mark to the database's comment, whose other lines stay. Repeatable. */
export async function markTarget(database: Database, signal?: AbortSignal): Promise<void> {
  await within(database, signal, async (session) => {
    const name = database.address.database;
    const comment = await readDatabaseComment(session, name);
    if (hasMark(comment)) return;
    await session.execute(
      commentOn(name, withLine(comment, `${markLine} since ${new Date().toISOString()}`)),
    );
  });
}

/**
 * Lets a restore through to a marked database; for others a person must have agreed, and then the mark is set.
 * @throws TargetNotAllowed
 */
export async function allowTarget(
  database: Database,
  confirm: (question: string) => Promise<boolean>,
  hints: readonly string[] = [],
  signal?: AbortSignal,
): Promise<void> {
  if (await isMarked(database, signal)) return;
  const where = describeAddress(database.address);
  const question = [
    `${where} was never restored into. Everything in it is going to be replaced by the backup, now and at later restores.`,
    ...hints,
    'Is it a restore target?',
  ].join('\n');
  if (!(await confirm(question))) throw new TargetNotAllowed(notMarked(database));
  await markTarget(database, signal);
}

export function notMarked({ address }: Pick<Database, 'address'>): string {
  return `${describeAddress(address)} is not marked as a restore target; if its contents may be replaced, run: replicator allow-target URL (or confirm with --yes)`;
}

/** The comment of a database, by name, from any database of the server. */
export async function readDatabaseComment(session: Session, name: string): Promise<string> {
  const [row] = await session.query<{ comment: string | null }>(
    `SELECT pg_catalog.shobj_description(oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database WHERE datname = $1`,
    [name],
  );
  return row?.comment ?? '';
}

/** The old database's comment, mark included, for the one that takes its place; says which run did. */
export function carriedComment(oldComment: string, runId: RunId, backupId: string, at: string): string {
  const lines = oldComment.split('\n').filter((line) => !line.startsWith(restoredLine));
  return withLine(lines.join('\n'), `${restoredLine}${runId} from backup ${backupId} at ${at}`);
}

/** Which run rebuilt this database, from its comment. */
export function restoredBy(comment: string): string | undefined {
  const line = comment.split('\n').find((one) => one.startsWith(restoredLine));
  return line?.slice(restoredLine.length).split(' ')[0];
}

export function commentOn(name: string, comment: string): string {
  return `COMMENT ON DATABASE ${quoteIdentifier(name)} IS ${quoteLiteral(comment)}`;
}

/** Does a database's comment say that it may be replaced? */
export function hasMark(comment: string): boolean {
  return comment.split('\n').some((line) => line.startsWith(markLine));
}

function withLine(comment: string, line: string): string {
  return comment === '' ? line : `${comment}\n${line}`;
}

async function within<T>(
  database: Database,
  signal: AbortSignal | undefined,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await database.connect({
    applicationName: 'replicator:mark',
    settings: { default_transaction_read_only: 'off' },
    ...(signal && { signal }),
  });
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}
