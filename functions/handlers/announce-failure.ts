import { z } from 'zod';
import { RunState } from '../run/state.ts';
import { stateHandler } from './state-handler.ts';

const AnnounceFailure = z.object({
  run: RunState,
  failure: z.object({ error: z.string(), message: z.string() }),
});

/** AnnounceFailure: what failed, for whoever watches the run. */
export const announceFailure = stateHandler(AnnounceFailure, async ({ run, failure }, { progress }) => {
  progress.warn(`${run.kind} ${run.id} failed: ${failure.error}`);
});
