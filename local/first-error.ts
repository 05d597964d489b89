import { kindOf, ReplicatorError } from '../functions/errors/replicator-error.ts';
import { TaskFailure } from './errors.ts';
import type { Execution } from './execution.ts';

/**
 * The error that a person should see when an execution has failed: what a handler threw, not the text that the
 * machine passed on.
 * @param thrown what the execution ended with: a state's own failure, or that of a Fail state at the failure path's end
 * @param handlerErrors everything that handlers threw in the run, in order
 */
export function firstError(
  thrown: unknown,
  execution: Execution,
  handlerErrors: readonly unknown[],
): unknown {
  if (thrown instanceof TaskFailure) return thrown.original;
  if (!(thrown instanceof Error) || execution.caught === undefined) return thrown;
  const named = handlerErrors.filter((error) => error instanceof Error && error.name === thrown.name);
  const said = named.find((error) => error instanceof Error && error.message.startsWith(thrown.message));
  const found = said ?? (nameOf(execution.caught) === thrown.name ? execution.caught : named.at(-1));
  if (found !== undefined) return found;
  // Known only by what ReadFailure passed on: another process noted it.
  const kind = kindOf(thrown.name);
  return kind ? new ReplicatorError(kind, thrown.message) : execution.caught;
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined;
}
