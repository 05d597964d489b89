import { stat } from 'node:fs/promises';
import { lockSubject } from '../locks/identify-server.ts';
import { type OtherRuns, takeLock } from '../locks/run-lock.ts';
import type { Database } from '../postgres/session.ts';
import { need } from '../run/require.ts';
import type { RunId } from '../run/run-id.ts';
import type { RunState } from '../run/state.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { cleanUpRun } from './clean-up-run.ts';
import { isRunAlive } from './heartbeat.ts';
import { realMedia } from './real-media.ts';
import { type RunRecord, writeRecord } from './run-record.ts';
import { settleUndos } from './settle-undo.ts';
import { sweepDeadRuns } from './sweep.ts';

/** What is needed of a run's state; an undo has no machine, and no more than this. */
export type StartedRun = Pick<RunState, 'id' | 'startedAt'> & Pick<RunRecord, 'kind'>;

/**
 * Enters a run into the store, has what dead runs left cleaned up, and takes the lock of its source or target.
 * Repeatable.
 * @throws RunInProgress, and what connecting throws: this is where a run meets its server and store first
 */
export async function beginRun(
  run: StartedRun,
  { keepPrevious }: { keepPrevious: boolean },
  surroundings: Surroundings,
): Promise<void> {
  const { store, owner, signal, progress } = surroundings;
  const database = need(surroundings, run.kind === 'backup' ? 'source' : 'target');
  const subject = await lockSubject(run.kind === 'backup' ? 'source' : 'target', database, run.id, signal);
  const { lastModified: now = new Date() } = await writeRecord(store, {
    runId: run.id,
    kind: run.kind,
    owner,
    startedAt: run.startedAt,
    source: run.kind === 'backup' ? place(database) : null,
    target: run.kind !== 'backup' ? place(database) : null,
    identity: subject.identity,
    targetMedia: run.kind !== 'backup' ? ((await realMedia(surroundings.targetMedia)) ?? null) : null,
    keepPrevious,
  });
  const others: OtherRuns = {
    isAlive: (runId, of) => isRunAlive(surroundings, runId, of, now),
    clearDead: async (runId) => {
      progress.warn(`run ${runId} ended without cleaning up after itself; removing what it left`);
      await cleanUpRun(runId, { ...surroundings, here: { database, identity: subject.identity } });
    },
  };
  // What a dead run on the same source or target left must be gone; what others left is tried, and told
  await takeLock(store, subject, { id: run.id, owner }, others, signal);
  if (run.kind !== 'backup') await endUndos(database, run.id, surroundings);
  await sweepDeadRuns(store, run.id, {
    ...others,
    clearDead: (runId) => others.clearDead(runId).catch((error) => progress.warn(messageOf(error))),
  });
}

/** An undo without a store has left no record: what was cut off of one lies with the media. */
async function endUndos(target: Database, runId: RunId, surroundings: Surroundings): Promise<void> {
  const { targetMedia, signal, progress } = surroundings;
  // That it is there, the plan looks at
  if (targetMedia === undefined || !(await isDirectory(targetMedia))) return;
  const session = await target.connect({ applicationName: `replicator:${runId}:lock`, signal });
  try {
    for (const undo of await settleUndos(target, session, targetMedia))
      progress.warn(`undo ${undo} had been cut off and is finished now`);
  } finally {
    await session.end();
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function place({ address: { host, port, database } }: Database) {
  return { host, port, database };
}
