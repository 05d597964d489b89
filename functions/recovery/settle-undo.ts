import { setTimeout as sleep } from 'node:timers/promises';
import { RunInProgress } from '../locks/run-lock.ts';
import { buildOf } from '../media/build.ts';
import { findLeftovers, removeLeftover } from '../media/finish.ts';
import { isUndo } from '../media/take-kept.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { findSessions } from '../target/end-sessions.ts';
import { applicationPrefix } from '../target/names.ts';
import { isSwitched } from '../target/switch-over.ts';
import { settleMedia } from './settle-switch-over.ts';

/** A server notices within moments that a process has died. */
const patienceMs = 3_000;

/**
 * Ends undos that were cut off in the middle of a media directory: forward where the database that they brought back is in
 * use, back otherwise. An undo leaves no record in a store: what it left lies with the media alone.
 * @param session in any database of the target's server
 * @returns undos that have come through
 * @throws RunInProgress when one is still at work
 */
export async function settleUndos(target: Database, session: Session, media: string): Promise<RunId[]> {
  const finished: RunId[] = [];
  for (const { runId, state } of await findLeftovers(media)) {
    // Over, but for what it had worked with
    if (state === 'kept') await removeLeftover(media, runId);
    if (state === 'kept' || state === 'final' || !(await isUndo(buildOf(media, runId)))) continue;
    await mustHaveEnded(session, runId);
    await settleMedia(target, media, { id: runId, keepPrevious: true });
    if (await isSwitched(target, { runId, target: target.address.database })) finished.push(runId);
  }
  return finished;
}

/** @throws RunInProgress */
async function mustHaveEnded(session: Session, runId: RunId): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const [one] = await findSessions(session, { applicationPrefix: applicationPrefix(runId) });
    if (!one) return;
    if (Date.now() > until)
      throw new RunInProgress(
        `undo ${runId} is at work on this target: ${one.description}; wait for it to end`,
      );
    await sleep(100);
  }
}
