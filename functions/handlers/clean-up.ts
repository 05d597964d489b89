import { z } from 'zod';
import { cleanUpRun } from '../recovery/clean-up-run.ts';
import { RunId, runIdOf } from '../run/run-id.ts';
import { stateHandler } from './state-handler.ts';

/** By the run's id, or by its execution, of which the id is a function; EventBridge gives milliseconds since 1970. */
const CleanUp = z.union([
  z.object({ runId: RunId, outcome: z.string() }),
  z.object({ executionId: z.string(), startedAt: z.coerce.date(), outcome: z.string() }),
]);

/** CleanUp: removes what a run left, whatever it ended of. */
export const cleanUp = stateHandler(CleanUp, async (input, surroundings) => {
  const runId = 'runId' in input ? input.runId : runIdOf(input.executionId, input.startedAt.toISOString());
  await cleanUpRun(runId, { ...surroundings, outcome: input.outcome });
  return { runId, outcome: input.outcome };
});
