import { UsageError } from '../errors/usage.ts';
import { NothingKept } from '../media/errors.ts';
import { checkMediaTarget } from '../media/target.ts';
import { describeAddress } from '../postgres/address.ts';
import type { Database, Session } from '../postgres/session.ts';
import { settleUndos } from '../recovery/settle-undo.ts';
import type { RunId } from '../run/run-id.ts';
import { checkListed, checkMark, refuse, type TargetRules } from '../target/check-target.ts';
import { TargetBusy } from '../target/errors.ts';
import { applicationName, hiddenDatabaseName, runOfDatabase } from '../target/names.ts';
import { checkObstacles, checkRights } from '../target/obstacles.ts';
import { readTargetFacts } from '../target/target-facts.ts';
import type { Restored } from '../target/target-mark.ts';
import { findKept, type Kept, type KeptOfTarget } from './find-kept.ts';

export interface UndoRequest {
  readonly runId: RunId;
  readonly target: Database;
  /** The run whose kept database comes back; undefined: the one that is in use now. */
  readonly undoes: RunId | undefined;
  /** The target's media directory; undefined: media stay as they are. */
  readonly media: string | undefined;
  /** A person said that media stay as they are. */
  readonly withoutMedia: boolean;
  readonly allowedTargets: TargetRules['allowedTargets'];
  readonly signal: AbortSignal;
}

export interface UndoPlan {
  /** What comes back. */
  readonly kept: Kept;
  /** Where the database came from that is in use, and will be kept. */
  readonly current: Restored | undefined;
  /** Undos that had been cut off and are finished now. */
  readonly finished: readonly RunId[];
}

/**
 * Ends what an earlier undo has left unfinished, then finds out what comes back and everything that speaks against it.
 * @throws NothingKept, UsageError, TargetNotListed, TargetNotAllowed, TargetUnfit, TargetBusy, RunInProgress
 */
export async function planUndo(session: Session, request: UndoRequest): Promise<UndoPlan> {
  const { target, media } = request;
  await checkTargetOfUndo(request);
  await mustBeIdle(session, target.address.database);
  const finished = media === undefined ? [] : await settleUndos(target, session, media);
  const found = await findKept(session, target.address.database, media);
  const kept = choose(found, request);
  mustDecideOnMedia(found, kept, request);
  if (media !== undefined) await checkMediaTarget(media);
  return { kept, current: found.current, finished };
}

/** The same rules as for a restore: it must be marked and on the list, and nothing may keep it from being renamed. */
export async function checkTargetOfUndo(
  request: Pick<UndoRequest, 'runId' | 'target' | 'allowedTargets' | 'signal'>,
): Promise<void> {
  const { runId, target, allowedTargets, signal } = request;
  const session = await target.connect({
    applicationName: applicationName(runId, 'check'),
    settings: { search_path: '' },
    signal,
  });
  try {
    refuse(
      [
        checkListed(target, allowedTargets),
        await checkMark(session, target, false),
        ...checkRights(await readTargetFacts(session)),
        ...(await checkObstacles(session)),
      ],
      target,
    );
  } finally {
    await session.end();
  }
}

/** A restore at work would exchange the same names. @throws TargetBusy */
async function mustBeIdle(session: Session, target: string): Promise<void> {
  const rows = await session.query<{ name: string }>(
    'SELECT DISTINCT datname AS name FROM pg_catalog.pg_stat_activity WHERE datname IS NOT NULL',
  );
  for (const { name } of rows) {
    const run = runOfDatabase(name);
    if (run?.kind === 'hidden' && hiddenDatabaseName(target, run.runId) === name)
      throw new TargetBusy(`restore ${run.runId} is at work on ${target}; wait for it to end, or end it`);
  }
}

function choose({ current, kept }: KeptOfTarget, { undoes, target }: UndoRequest): Kept {
  const wanted = undoes ?? current?.runId;
  const found = kept.find(({ runId }) => runId === wanted);
  if (found) return found;
  const where = describeAddress(target.address);
  const others =
    kept.length === 0
      ? 'nothing else is kept either (restore with --keep-previous to be able to go back)'
      : `kept are those of ${kept.map(({ runId }) => runId).join(', ')}: choose one with --run ID`;
  if (undoes !== undefined) throw new NothingKept(`${where}: run ${undoes} has kept no database; ${others}`);
  throw new NothingKept(
    current === undefined
      ? `${where} is in use as it was before any restore, there is nothing to undo; ${others}`
      : `${where}: what was in use before run ${current.runId} was not kept; ${others}`,
  );
}

function mustDecideOnMedia({ current }: KeptOfTarget, kept: Kept, request: UndoRequest): void {
  const { media, withoutMedia } = request;
  if (media === undefined && !withoutMedia && kept.isLast && current?.media)
    throw new UsageError(
      `run ${kept.runId} exchanged the media along with the database: give --media DIR, or leave them as they are with --without-media`,
    );
  if (media !== undefined && !kept.media)
    throw new NothingKept(
      `run ${kept.runId} has kept no media in ${media}: check --media, or leave the media as they are with --without-media`,
    );
}
