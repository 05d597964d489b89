import { z } from 'zod';
import { ReplicatorError } from '../errors/replicator-error.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type Round, roundKey } from './keys.ts';
import { OutOfTime } from './out-of-time.ts';
import { awaitedError, isRetried, isWaitedFor } from './retried-errors.ts';
import { RunId } from './run-id.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Why a round of a run failed. A distributed Map reports only that items failed, not why; the worker that failed
 * leaves this behind and ReadFailure finds it.
 */
export const FailureRecord = z.object({
  /** The error's code, what Lambda reports as errorType. */
  error: z.string(),
  message: z.string(),
  /** Only the snapshot was lost: the backup may start over once. */
  startOver: z.boolean(),
  /** The handler that failed. */
  state: z.string(),
  at: z.string(),
});
export type FailureRecord = z.infer<typeof FailureRecord>;

/** Characters: the message travels through the machine's state and ends as an execution's cause. */
const longestMessage = 8000;

const finalName = 'failure.json';
const retriedName = 'failure-retried.json';

/**
 * Leaves the reason of a failure with the run. The first final error of a round wins. An error that the machine
 * tries again for is kept apart, the latest of them, and counts only where no final one came.
 * Never throws: what is to be reported is the failure, not that it couldn't be noted.
 */
export async function recordFailure(
  store: ObjectStore,
  at: Round,
  state: string,
  error: unknown,
): Promise<void> {
  const record = describeFailure(state, error);
  if (record.error === awaitedError) return;
  const body = JSON.stringify(record);
  try {
    if (isRetried(record.error)) await store.put(roundKey(at, retriedName), body, 'application/json');
    else await store.putNew(roundKey(at, finalName), body, 'application/json');
  } catch {
    // The store may be what failed; the error itself still travels through the machine.
  }
}

/** What a failed distributed Map is called, whatever its child threw. */
const anyWorker = 'States.ExceedToleratedFailureThreshold';

/**
 * The reason that a round failed for, as far as a handler could leave one.
 * @param caught the error's name as the machine saw it: what was made good by another attempt is no reason for it
 */
export async function readFailure(
  store: ObjectStore,
  at: Round,
  caught: string = anyWorker,
): Promise<FailureRecord | undefined> {
  const final = await read(store, roundKey(at, finalName));
  if (final) return final;
  const retried = await read(store, roundKey(at, retriedName));
  return caught === anyWorker || caught === retried?.error ? retried : undefined;
}

async function read(store: ObjectStore, key: string): Promise<FailureRecord | undefined> {
  const object = await store.get(key);
  return object && FailureRecord.safeParse(jsonOf(object.body.toString('utf8'))).data;
}

/** Handlers that run after a run is over, or tell about it: their failing is not why it failed. */
const afterwards = new Set([
  'ReadFailure',
  'CleanUp',
  'AnnounceBackup',
  'AnnounceRestore',
  'AnnounceFailure',
]);

const StateOfRun = z.object({ run: z.object({ id: RunId, round: z.int().positive() }) });

/**
 * Puts the record of its failure around a handler; both Lambda and the local runner do. An aborted handler leaves
 * none, it ended because something else did; but for one that Lambda's time ran out for, whose error that is.
 */
export function recordingFailures(
  name: string,
  handler: (input: unknown, surroundings: Surroundings) => Promise<unknown>,
): (input: unknown, surroundings: Surroundings) => Promise<unknown> {
  if (afterwards.has(name)) return handler;
  return async (input, surroundings) => {
    try {
      return await handler(input, surroundings);
    } catch (error) {
      const { signal, store, progress } = surroundings;
      const ranOut = signal.aborted && signal.reason instanceof OutOfTime;
      const failure = ranOut ? signal.reason : error;
      const state = StateOfRun.safeParse(input);
      if (state.success && (ranOut || !signal.aborted)) {
        const { id, round } = state.data.run;
        await recordFailure(store, { runId: id, round }, name, failure);
        if (failure instanceof Error && isWaitedFor(name, failure.name))
          progress.warn(`${name}: ${failure.message}; it is tried again for a minute or two`);
      }
      throw failure;
    }
  };
}

function describeFailure(state: string, error: unknown): FailureRecord {
  return {
    error: error instanceof Error ? error.name : 'Error',
    message: (error instanceof Error ? error.message : String(error)).slice(0, longestMessage),
    startOver: error instanceof ReplicatorError && error.startOver,
    state,
    at: new Date().toISOString(),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
