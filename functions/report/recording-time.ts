import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { leave } from '../run/stored.ts';
import type { Surroundings } from '../run/surroundings.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys } from './keys.ts';
import { StateTime } from './report.ts';

/** Workers are many, and the time of all is that between the states around them; the others come after the report. */
const Timed = z.object({
  run: z.object({ id: RunId, kind: z.literal('restore') }),
  shard: z.undefined().optional(),
  /** A dry run leaves nothing anywhere. */
  options: z.object({ dryRun: z.literal(false).default(false) }).optional(),
});
const afterwards = new Set(['ReadFailure', 'AnnounceRestore', 'AnnounceFailure']);

/** Puts a clock around the handler of a state of a restore, which leaves with the run what it shows. Never throws itself. */
export function recordingTime(
  state: string,
  handler: (input: unknown, surroundings: Surroundings) => Promise<unknown>,
): (input: unknown, surroundings: Surroundings) => Promise<unknown> {
  if (afterwards.has(state)) return handler;
  return async (input, surroundings) => {
    const timed = Timed.safeParse(input);
    if (!timed.success) return handler(input, surroundings);
    const began = new Date();
    try {
      return await handler(input, surroundings);
    } finally {
      await addTime(surroundings.store, timed.data.run.id, state, began).catch(() => {});
    }
  };
}

async function addTime(store: ObjectStore, runId: RunId, state: string, began: Date): Promise<void> {
  const key = keys.time(runId, state);
  const before = await readTime(store, key);
  const ended = new Date();
  const beganAt = before?.beganAt ?? began.toISOString();
  const time: StateTime = {
    state,
    beganAt,
    endedAt: ended.toISOString(),
    seconds: (ended.getTime() - Date.parse(beganAt)) / 1000,
    invocations: (before?.invocations ?? 0) + 1,
  };
  await leave(store, key, time);
}

export async function readTime(store: ObjectStore, key: string): Promise<StateTime | undefined> {
  const found = await store.get(key);
  return found && StateTime.safeParse(JSON.parse(found.body.toString('utf8'))).data;
}
