import { z } from 'zod';
import { beginRun } from '../recovery/begin-run.ts';
import { RunState } from '../run/state.ts';
import { stateHandler } from './state-handler.ts';

const Lock = z.object({ run: RunState, options: z.object({ keepPrevious: z.boolean().default(false) }) });

/** Lock: enters the run, clears what dead runs left, and keeps every other run off the same source or target. */
export const lock = stateHandler(Lock, async ({ run, options }, surroundings) => {
  await beginRun(run, { keepPrevious: options.keepPrevious }, surroundings);
});
