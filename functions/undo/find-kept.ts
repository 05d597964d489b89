import { findLeftovers } from '../media/finish.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { applicationName } from '../target/names.ts';
import { listPrevious, type PreviousDatabase } from '../target/previous.ts';
import { openMaintenance } from '../target/sessions.ts';
import { type Restored, readDatabaseComment, restoredOf } from '../target/target-mark.ts';

/** What one run has put aside, and kept. */
export interface Kept extends PreviousDatabase {
  /** Media are kept of it; undefined: no media directory was given. */
  readonly media: boolean | undefined;
  /** What an undo takes when nothing is said: the one put aside by the run that is in use now. */
  readonly isLast: boolean;
}

export interface KeptOfTarget {
  /** Where the database in use came from; undefined: from no restore. */
  readonly current: Restored | undefined;
  /** The newest first. */
  readonly kept: readonly Kept[];
}

/** What there is to go back to. */
export async function findKept(
  session: Session,
  target: string,
  media: string | undefined,
): Promise<KeptOfTarget> {
  const current = restoredOf(await readDatabaseComment(session, target));
  const folders = media === undefined ? [] : await findLeftovers(media);
  const withMedia = new Set(folders.filter(({ state }) => state === 'kept').map(({ runId }) => runId));
  const databases = await listPrevious(session, target);
  return {
    current,
    kept: databases.map((database) => ({
      ...database,
      media: media === undefined ? undefined : withMedia.has(database.runId),
      isLast: database.runId === current?.runId,
    })),
  };
}

/** A session beside the target and everything kept of it. */
export async function withSessionBeside<T>(
  target: Database,
  runId: RunId,
  signal: AbortSignal,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openMaintenance(target, {
    applicationName: applicationName(runId, 'undo'),
    avoid: [target.address.database],
    signal,
  });
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}
