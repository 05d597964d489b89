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

/** Where a database came from, as its comment says. */
export interface Restored {
  readonly runId: RunId;
  /** undefined: it was no restore's before the undo that brought it back. */
  readonly backupId: string | undefined;
  /** Set when an undo brought it into use: the run that was undone. */
  readonly undid: RunId | undefined;
  /** When it came into use. */
  readonly at: string;
  /** Media were exchanged along with it. */
  readonly media: boolean;
}

const withMedia = ' with its media';

/** The old database's comment, mark included, for the one that takes its place; says which run did. */
export function carriedComment(
  oldComment: string,
  { runId, backupId, media, at }: Pick<Restored, 'runId' | 'media' | 'at'> & { readonly backupId: string },
): string {
  return withRestored(oldComment, `${runId} from backup ${backupId} at ${at}`, media);
}

/** The comment for a kept database that comes back: the target's own lines stay with the target. */
export function undoneComment(
  currentComment: string,
  keptComment: string,
  { runId, undoes, media, at }: Pick<Restored, 'runId' | 'media' | 'at'> & { readonly undoes: RunId },
): string {
  const backup = restoredOf(keptComment)?.backupId;
  const from = backup === undefined ? '' : ` from backup ${backup}`;
  return withRestored(currentComment, `${runId}${from} undoing run ${undoes} at ${at}`, media);
}

/** Which run brought this database into use, from its comment. */
export function restoredOf(comment: string): Restored | undefined {
  const line = comment.split('\n').find((one) => one.startsWith(restoredLine));
  const match = /^(\S+)(?: from backup (\S+))?(?: undoing run (\S+))? at (\S+)( with its media)?/.exec(
    line?.slice(restoredLine.length) ?? '',
  );
  if (!match) return undefined;
  const [, runId = '', backupId, undid, at = '', media] = match;
  return { runId, backupId, undid, at, media: media !== undefined };
}

function withRestored(comment: string, what: string, media: boolean): string {
  const lines = comment.split('\n').filter((line) => !line.startsWith(restoredLine));
  return withLine(lines.join('\n'), `${restoredLine}${what}${media ? withMedia : ''}`);
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
