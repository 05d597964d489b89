import { setImmediate as nextTurn } from 'node:timers/promises';
import { ExecutionAbortedError, ExecutionError } from 'aws-local-stepfunctions';
import type { Compiled, CompiledTask } from './compile.ts';
import { RunIsOver } from './errors.ts';
import { scaledWaitMs } from './lifetimes.ts';
import { type EventCount, refuseLargeState } from './limits.ts';
import { type StepEvent, watchSteps } from './watch-steps.ts';

/** What a list of states runs in. */
export interface Surrounding {
  /** Aborted when a failure beside these states, or a person, ends them. */
  readonly signal: AbortSignal;
  readonly events: EventCount;
  /** The context object's `Execution`. */
  readonly execution: Readonly<Record<string, unknown>>;
  /** What `--lambda-seconds` says: waits are shortened along with lifetimes. */
  readonly lambdaSeconds?: number | undefined;
  runTask(state: string, task: CompiledTask, input: unknown, surrounding: Surrounding): Promise<unknown>;
  onStep(event: StepEvent): void;
}

/**
 * Runs a list of states to its end. When this returns or throws, nothing of it runs any more: handlers that were
 * running when another failed have been waited for.
 * @throws what the failed state threw; RunIsOver after an abort; StateTooLarge, TooManyEvents
 */
export async function runSteps(
  compiled: Compiled,
  input: unknown,
  surrounding: Surrounding,
): Promise<unknown> {
  const running = new Set<Promise<unknown>>();
  let refusal: unknown;
  const start = async (state: string, task: CompiledTask, taskInput: unknown) => {
    // A turn for the events that led here: what they show may end the run before this state begins.
    await nextTurn();
    if (refusal) throw refusal;
    if (surrounding.signal.aborted) throw new RunIsOver();
    // A fan-out's input was measured when the state was entered; here it has the items twice.
    if (task.kind !== 'map' && task.kind !== 'parallel') refuseLargeState(state, 'input', taskInput);
    const output = asJson(await surrounding.runTask(state, task, asJson(taskInput), surrounding));
    refuseLargeState(state, 'output', output);
    return output;
  };
  const tracked = (state: string, task: CompiledTask) => (taskInput: unknown) => {
    const work = start(state, task, taskInput);
    running.add(work);
    work.then(
      () => running.delete(work),
      () => running.delete(work),
    );
    return work as Promise<never>;
  };
  const handle = compiled.steps.run(asJson(input) as never, {
    overrides: {
      taskResourceLocalHandlers: Object.fromEntries(
        [...compiled.tasks].map(([state, task]) => [state, tracked(state, task)]),
      ),
      waitTimeOverrides: Object.fromEntries(
        [...compiled.waits].map(([state, seconds]) => [
          state,
          scaledWaitMs(seconds, surrounding.lambdaSeconds),
        ]),
      ),
    },
    context: { Execution: { ...surrounding.execution } },
  });
  const abort = () => handle.abort();
  surrounding.signal.addEventListener('abort', abort, { once: true });
  if (surrounding.signal.aborted) abort();
  const watching = watchSteps(handle.eventLogs, compiled.tasks, surrounding).catch((error: unknown) => {
    refusal = error;
    abort();
  });
  try {
    const output = await handle.result;
    await watching;
    if (refusal) throw refusal;
    return output;
  } catch (error) {
    if (error instanceof ExecutionError) throw error.cause;
    if (error instanceof ExecutionAbortedError) throw refusal ?? new RunIsOver();
    throw error;
  } finally {
    surrounding.signal.removeEventListener('abort', abort);
    await Promise.allSettled(running);
    await watching;
  }
}

/** What is left of a value after it has travelled as JSON: undefined is null, a Date is text. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
