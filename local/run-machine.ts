import { ReplicatorError } from '../functions/errors/replicator-error.ts';
import { Interrupted } from '../functions/errors/usage.ts';
import { type Compiled, compile, validateDefinition } from './compile.ts';
import { type Definition, readDefinition } from './definition.ts';
import type { LocalRun, RunnerOptions } from './local-run.ts';
import type { MachineName } from './machine-names.ts';
import { runExecution } from './run-execution.ts';

export type { LocalSurroundings, Place, RunnerEvent, RunnerOptions } from './local-run.ts';

/** The machines that a person can ask for. */
export type RunnableMachine = Exclude<MachineName, 'keep-snapshot'>;

/**
 * Runs a machine on this host, from the definition that is deployed to AWS, with the same handlers.
 *
 * When it returns or throws, nothing of the run is running any more. After a failure or an abort, the run's CleanUp
 * has run once everything else had ended.
 * @param input what an execution would be started with
 * @returns the machine's output
 * @throws the error that the first failing handler threw; Interrupted (or the signal's reason, where that is an error
 *   of this project) after an abort; DefinitionRefused before anything has started
 */
export async function runMachine(
  machine: RunnableMachine,
  input: unknown,
  options: RunnerOptions,
): Promise<unknown> {
  const run: LocalRun = {
    options,
    machines: compileAll(machine, options),
    executions: new Map(),
    handlerErrors: [],
  };
  try {
    return await runExecution(run, machine, input, options.signal);
  } catch (error) {
    if (!options.signal.aborted) throw error;
    const { reason } = options.signal;
    throw reason instanceof ReplicatorError
      ? reason
      : new Interrupted('the run was interrupted', { cause: error });
  }
}

/** The machine and all that it can start, so that what can't run is found before anything does. */
function compileAll(first: MachineName, options: RunnerOptions): ReadonlyMap<MachineName, Compiled> {
  const handlers = new Set(Object.keys(options.handlers));
  const definitionOf = (machine: MachineName): Definition => {
    const given = options.definitions?.[machine];
    if (given) validateDefinition(given);
    return given ?? readDefinition(machine);
  };
  const machines = new Map<MachineName, Compiled>();
  const waiting: MachineName[] = [first, 'clean-up'];
  for (let machine = waiting.pop(); machine; machine = waiting.pop()) {
    if (machines.has(machine)) continue;
    const compiled = compile(definitionOf(machine), handlers);
    machines.set(machine, compiled);
    waiting.push(...started(compiled));
  }
  return machines;
}

function started(compiled: Compiled): MachineName[] {
  return [...compiled.tasks.values()].flatMap((task) => {
    if (task.kind === 'execution') return [task.machine];
    if (task.kind === 'parallel') return task.branches.flatMap(started);
    return task.kind === 'map' ? started(task.child) : [];
  });
}
