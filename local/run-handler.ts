import { InternalError } from '../functions/errors/usage.ts';
import { recordingFailures } from '../functions/run/failure.ts';
import { asLambdaReports, RunIsOver } from './errors.ts';
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
  const surroundings = {
    ...run.options.surroundingsFor(place),
    signal,
    remainingMs: () => Number.POSITIVE_INFINITY,
  };
  try {
    return await recordingFailures(place.handler, handler)(input, surroundings);
  } catch (error) {
    if (signal.aborted) throw new RunIsOver();
    run.handlerErrors.push(error);
    throw asLambdaReports(error);
  }
}
