import { z } from 'zod';
import { kindOf } from '../errors/replicator-error.ts';
import { readFailure as recordedFailure } from '../run/failure.ts';
import { RunState } from '../run/state.ts';
import { stateHandler } from './state-handler.ts';

const ReadFailure = z.object({
  run: RunState,
  caught: z.object({ Error: z.string(), Cause: z.string().optional() }),
});

/** ReadFailure: what a worker left behind says more than the name of the state that a Map's failure comes as. */
export const readFailure = stateHandler(ReadFailure, async ({ run, caught }, { store }) => {
  const recorded = await recordedFailure(store, { runId: run.id, round: run.round }, caught.Error);
  // `States.` is reserved: the Fail state that the name ends in must not use it (Amazon States Language, "Errors").
  const error = recorded?.error ?? caught.Error.replace(/^States\./, '');
  const startOver =
    run.kind === 'backup' && run.round === 1 && (recorded?.startOver ?? kindOf(error)?.startOver ?? false);
  return {
    error,
    message: recorded?.message ?? messageOf(caught.Cause) ?? error,
    startOver,
    run: startOver ? { ...run, round: run.round + 1 } : run,
  };
});

/** Lambda's Cause is JSON with an errorMessage. */
function messageOf(cause: string | undefined): string | undefined {
  try {
    return z.object({ errorMessage: z.string() }).parse(JSON.parse(cause ?? '')).errorMessage;
  } catch {
    return cause;
  }
}
