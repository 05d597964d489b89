import { RunIsOver, TaskFailure } from './errors.ts';
import type { Execution } from './execution.ts';
import type { LocalRun } from './local-run.ts';
import type { MachineName } from './machine-names.ts';
import { runHandler } from './run-handler.ts';
import type { Task } from './task.ts';

/** Runs another execution; handed in, because an execution in turn runs tasks. */
export type RunExecution = (
  run: LocalRun,
  machine: MachineName,
  input: unknown,
  signal: AbortSignal,
) => Promise<unknown>;

/** The Task of an execution that is about to do its work. */
export interface TaskPlace {
  readonly run: LocalRun;
  readonly execution: Execution;
  readonly state: string;
  readonly item: number | undefined;
  readonly runExecution: RunExecution;
}

/** Does what a Task names: a handler, or what Step Functions would ask of Lambda or of itself. */
export async function runTask(
  at: TaskPlace,
  task: Task,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const { run, execution, state, item } = at;
  const place = { machine: execution.machine, state, ...(item !== undefined && { item }) };
  switch (task.kind) {
    case 'handler': {
      const output = await runHandler(run, { ...place, handler: task.handler }, input, signal);
      execution.runId ??= runIdIn(output);
      return output;
    }
    case 'event': {
      const { Payload } = input as { Payload: unknown };
      execution.background.start((until) =>
        runHandler(run, { ...place, handler: task.handler }, Payload, until).catch((error: unknown) => {
          if (!until.aborted && error instanceof Error)
            run.options.onEvent?.({ ...place, type: 'failed', error: error.name });
        }),
      );
      return { StatusCode: 202 };
    }
    case 'execution':
      return task.waits
        ? nestedExecution(at, task.machine, nestedInput(input), signal)
        : startedExecution(at, task.machine, nestedInput(input));
    case 'announcement':
      return null;
    case 'describe':
      return describe(run, (input as { ExecutionArn: string }).ExecutionArn);
  }
}

function nestedInput(parameters: unknown): unknown {
  return (parameters as { Input?: unknown }).Input ?? {};
}

/** `startExecution.sync:2`: the execution's output as JSON under `Output`, its failure as States.TaskFailed. */
async function nestedExecution(
  { run, execution: parent, runExecution }: TaskPlace,
  machine: MachineName,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const startDate = Date.now();
  // What the keeper still writes would be left over by a CleanUp that ran beside it.
  if (machine === 'clean-up') await parent.background.stop();
  try {
    const Output = await runExecution(run, machine, input, signal);
    if (machine === 'clean-up') parent.cleanedUp = true;
    return { Status: 'SUCCEEDED', StartDate: startDate, StopDate: Date.now(), Input: input, Output };
  } catch (error) {
    if (error instanceof RunIsOver || signal.aborted) throw new RunIsOver();
    const [Error_, Cause] = error instanceof Error ? [error.name, error.message] : ['Error', String(error)];
    const report = { Status: 'FAILED', StartDate: startDate, StopDate: Date.now(), Error: Error_, Cause };
    throw new TaskFailure('States.TaskFailed', JSON.stringify(report), error);
  }
}

/** `startExecution`: goes on at once; on this machine what it started ends with its parent. */
function startedExecution(
  { run, execution: parent, runExecution }: TaskPlace,
  machine: MachineName,
  input: unknown,
): unknown {
  parent.background.start((signal) => runExecution(run, machine, input, signal));
  return { StartDate: Date.now() };
}

function describe(run: LocalRun, arn: string): unknown {
  const execution = run.executions.get(arn);
  if (!execution)
    throw new TaskFailure('Sfn.ExecutionDoesNotExistException', `there is no execution ${arn}`, undefined);
  return {
    ExecutionArn: arn,
    Name: execution.name,
    Status: execution.status,
    StartDate: execution.startDate,
  };
}

/** The first state of a machine makes the run: from then on there is something to clean up. */
function runIdIn(output: unknown): string | undefined {
  const run = (output as { run?: { id?: unknown } } | null)?.run;
  return typeof run?.id === 'string' ? run.id : undefined;
}
