import { InternalError } from '../functions/errors/usage.ts';
import { recorded } from '../functions/handlers/recorded.ts';
import { asLambdaReports, RunIsOver, TaskFailure } from './errors.ts';
import { withinLifetime } from './lifetimes.ts';
import type { LocalRun, Place } from './local-run.ts';

/**
 * Runs a handler as Lambda would: JSON in, JSON out, an error by its name. Its failure is left with the run, in S3,
 * where ReadFailure finds it.
 * @throws TaskFailure; RunIsOver when the run had ended before it
 */
export async function runHandler(
  run: LocalRun,
  place: Place,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const handler = run.options.handlers[place.handler];
  if (!handler) throw new InternalError(`there is no handler ${place.handler}`);
  if (signal.aborted) throw new RunIsOver();
  const { lambdaSeconds } = run.options;
  try {
    return await withinLifetime(lambdaSeconds, signal, (within, remainingMs) =>
      recorded(place.handler, handler)(input, {
        ...run.options.surroundingsFor(place),
        signal: within,
        remainingMs,
      }),
    );
  } catch (error) {
    if (signal.aborted) throw new RunIsOver();
    const failure = error instanceof TaskFailure ? error : asLambdaReports(error);
    run.handlerErrors.push(failure.original);
    throw failure;
  }
}
