import { z } from 'zod';
import { kindOf } from '../errors/replicator-error.ts';
import { ecsFailure } from '../run/ecs-failure.ts';
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
  const known = recorded ?? failedCommand(caught.Cause);
  // `States.` is reserved: the Fail state that the name ends in must not use it (Amazon States Language, "Errors").
  const error = known?.error ?? caught.Error.replace(/^States\./, '');
  const startOver =
    run.kind === 'backup' && run.round === 1 && (recorded?.startOver ?? kindOf(error)?.startOver ?? false);
  return {
    error,
    message: known?.message ?? messageOf(caught.Cause) ?? error,
    startOver,
    run: startOver ? { ...run, round: run.round + 1 } : run,
  };
});

/** Commands run on ECS when what was restored is in use: nothing is undone for their sake. */
function failedCommand(cause: string | undefined): { error: string; message: string } | undefined {
  const message = ecsFailure(jsonOf(cause));
  return message === undefined
    ? undefined
    : { error: 'CommandFailed', message: `${message}; what was restored is in use already` };
}

/** Lambda's Cause is JSON with an errorMessage. */
function messageOf(cause: string | undefined): string | undefined {
  return z.object({ errorMessage: z.string() }).safeParse(jsonOf(cause)).data?.errorMessage ?? cause;
}

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
