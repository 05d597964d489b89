import { InternalError } from '../functions/errors/usage.ts';
import type { MapInput } from './compile.ts';
import { TaskFailure } from './errors.ts';
import { Execution } from './execution.ts';
import { runMap, runParallel } from './fan-out.ts';
import { firstError } from './first-error.ts';
import { EventCount } from './limits.ts';
import type { LocalRun } from './local-run.ts';
import type { MachineName } from './machine-names.ts';
import { runSteps, type Surrounding } from './run-steps.ts';
import { runTask } from './run-task.ts';
import type { StepEvent } from './watch-steps.ts';

/** Machines that leave something behind when they fail; on AWS a rule on ended executions watches the same ones. */
const cleanedUp: ReadonlySet<MachineName> = new Set(['backup', 'restore']);

/**
 * Runs one execution of a machine to its end, and what it started in the background with it. One that fails or is
 * aborted is cleaned up after here, where its own failure path didn't.
 * @throws the error that a person should see
 */
export async function runExecution(
  run: LocalRun,
  machine: MachineName,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const compiled = run.machines.get(machine);
  if (!compiled) throw new InternalError(`the machine ${machine} was not compiled`);
  const execution = new Execution(machine, signal);
  run.executions.set(execution.arn, execution);
  try {
    const output = await runSteps(compiled, input, surroundingOf(run, execution, signal));
    execution.status = 'SUCCEEDED';
    return output;
  } catch (thrown) {
    execution.status = signal.aborted ? 'ABORTED' : 'FAILED';
    await execution.background.stop();
    await cleanUpAfter(run, execution);
    throw firstError(thrown, execution, run.handlerErrors);
  } finally {
    await execution.background.stop();
  }
}

async function cleanUpAfter(run: LocalRun, execution: Execution): Promise<void> {
  const { machine, runId, status } = execution;
  if (!cleanedUp.has(machine) || runId === undefined || execution.cleanedUp) return;
  // With a signal of its own: the run's may be what ended it. What fails here is left to the next run.
  const input = { runId, outcome: status === 'ABORTED' ? 'aborted' : 'failed' };
  await runExecution(run, 'clean-up', input, new AbortController().signal).catch(() => undefined);
}

function surroundingOf(run: LocalRun, execution: Execution, signal: AbortSignal): Surrounding {
  const { machine } = execution;
  const report = (event: StepEvent, item?: number) => {
    if (event.type !== 'caught')
      run.options.onEvent?.({ machine, ...(item !== undefined && { item }), ...event });
    else if (event.resultPath === '$.caught' || event.resultPath === '$') execution.noteCaught(event.state);
  };
  const at = (item?: number): Pick<Surrounding, 'onStep' | 'runTask'> => ({
    onStep: (event) => report(event, item),
    runTask: async (state, task, input, surrounding) => {
      try {
        if (task.kind === 'parallel') return await runParallel(task, input, surrounding);
        if (task.kind === 'map') return await runMap(task, input as MapInput, surrounding, at);
        return await runTask({ run, execution, state, item, runExecution }, task, input, surrounding.signal);
      } catch (error) {
        execution.noteThrown(state, error instanceof TaskFailure ? error.original : error);
        throw error;
      }
    },
  });
  const { lambdaSeconds } = run.options;
  return { signal, events: new EventCount(), execution: execution.context, lambdaSeconds, ...at() };
}
