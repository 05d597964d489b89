import { z } from 'zod';
import { RunState } from '../run/state.ts';
import { CleanedUp, tellOfCleanUp } from './cleaned-up.ts';
import { stateHandler } from './state-handler.ts';

const AnnounceFailure = z.object({
  run: RunState,
  failure: z.looseObject({ error: z.string(), message: z.string() }),
  cleanUp: CleanedUp,
});

/** AnnounceFailure: what failed, for whoever watches the run, and for the execution's cause. */
export const announceFailure = stateHandler(
  AnnounceFailure,
  async ({ run, failure, cleanUp }, { progress }) => {
    progress.warn(`${run.kind} ${run.id} failed: ${failure.error}`);
    const { cleanUp: left } = tellOfCleanUp(cleanUp, progress);
    const note = left ? '; CleanUp failed too, the next run on the same database removes what is left' : '';
    return { ...failure, message: `${failure.message}${note}` };
  },
);
