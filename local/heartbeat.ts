import { handlers } from '../functions/handlers/handlers.ts';
import type { StateHandler } from '../functions/handlers/state-handler.ts';
import { beat } from '../functions/recovery/heartbeat.ts';
import type { RunId } from '../functions/run/run-id.ts';

const everyMs = 20_000;

/**
 * The handlers of a run on this machine, with a sign of life in the store from Lock to CleanUp: another machine can't
 * see whether this process lives.
 */
export function beatingHandlers(): { handlers: Readonly<Record<string, StateHandler>>; stop: () => void } {
  const timers = new Map<RunId, NodeJS.Timeout>();
  const stop = (runId: RunId) => {
    clearInterval(timers.get(runId));
    timers.delete(runId);
  };
  const lock: StateHandler = async (input, surroundings) => {
    const { run } = input as { run: { id: RunId } };
    const tell = () => beat(surroundings.store, run.id).catch(() => {});
    if (!timers.has(run.id)) timers.set(run.id, setInterval(tell, everyMs).unref());
    return handlers.Lock(input, surroundings);
  };
  const cleanUp: StateHandler = async (input, surroundings) => {
    stop((input as { runId: RunId }).runId);
    return handlers.CleanUp(input, surroundings);
  };
  return {
    handlers: { ...handlers, Lock: lock, CleanUp: cleanUp },
    stop: () => {
      for (const runId of timers.keys()) stop(runId);
    },
  };
}
