import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import type { Definition, StateDefinition } from './definition.ts';
import { DefinitionRefused } from './errors.ts';
import { isCommandOnEcs, type Task, taskOf } from './task.ts';

/**
 * A list of states ready to run: a machine, a branch, or what a Map does with an item. In the library's eyes every
 * fan-out is a Task, so that the runner decides what starts and what is waited for: the library's own Parallel and Map
 * go on starting queued items after a failure, and don't wait for what runs.
 */
export interface Compiled {
  readonly steps: StateMachine;
  readonly tasks: ReadonlyMap<string, CompiledTask>;
  /** Seconds of every Wait. */
  readonly waits: ReadonlyMap<string, number>;
}

export type CompiledTask =
  | Task
  | { readonly kind: 'parallel'; readonly branches: readonly Compiled[] }
  | { readonly kind: 'map'; readonly select: StateMachine | undefined; readonly child: Compiled };

/** What a rewritten Map hands to its runner. */
export interface MapInput {
  readonly items: readonly unknown[];
  readonly input: unknown;
  /** 0: as many as there are. */
  readonly jobs: number;
}

/**
 * Turns a definition into what runs here. `validateDefinition` is for definitions that nobody has looked at yet: it
 * takes a tenth of a second and more, and tests have done it for the synthesised ones.
 * @param handlers names that have a handler; a definition that needs another is refused
 * @throws DefinitionRefused
 */
export function compile(definition: Definition, handlers: ReadonlySet<string>): Compiled {
  const tasks = new Map<string, CompiledTask>();
  const waits = new Map<string, number>();
  const states: Record<string, StateDefinition> = {};
  for (const [name, state] of Object.entries(definition.States)) {
    const task = compileState(name, state, handlers);
    if (task) tasks.set(name, task);
    if (state.Type === 'Wait') waits.set(name, waitSeconds(name, state));
    states[name] = task ? asLibraryTask(state, task) : state;
  }
  return { steps: libraryMachine({ StartAt: definition.StartAt, States: states }), tasks, waits };
}

/** A time that is read from the state could not be held against the handlers' lifetimes. */
function waitSeconds(name: string, { Seconds }: StateDefinition): number {
  if (typeof Seconds === 'number') return Seconds;
  throw new DefinitionRefused(`the Wait ${name} does not say its Seconds as a number`);
}

/**
 * Holds a definition against the Amazon States Language.
 * @throws DefinitionRefused
 */
export function validateDefinition(definition: Definition): void {
  try {
    // A copy: the validator writes defaults into what it is given.
    new StateMachine(structuredClone(definition) as unknown as StateMachineDefinition);
  } catch (cause) {
    throw new DefinitionRefused(`the definition is no valid one: ${String(cause)}`, { cause });
  }
}

function compileState(
  name: string,
  state: StateDefinition,
  handlers: ReadonlySet<string>,
): CompiledTask | undefined {
  const nested = (inner: Definition) => compile(inner, handlers);
  if (state.Type === 'Parallel') return { kind: 'parallel', branches: (state.Branches ?? []).map(nested) };
  if (state.Type === 'Map') return compileMap(name, state, nested);
  if (state.Type !== 'Task') return undefined;
  if (!(Number(state.TimeoutSeconds) > 0))
    throw new DefinitionRefused(`the Task ${name} has no TimeoutSeconds`);
  const task = taskOf(name, state);
  if ('handler' in task && !handlers.has(task.handler))
    throw new DefinitionRefused(`the state ${name} needs the handler ${task.handler}, and there is none`);
  return task;
}

const mapFields = [
  'ItemReader',
  'ItemBatcher',
  'ResultWriter',
  'Iterator',
  'Parameters',
  'ToleratedFailureCount',
];

function compileMap(
  name: string,
  state: StateDefinition,
  nested: (inner: Definition) => Compiled,
): CompiledTask {
  const processor = state.ItemProcessor;
  if (processor?.ProcessorConfig?.Mode !== 'DISTRIBUTED')
    throw new DefinitionRefused(`the Map ${name} is not a distributed one`);
  const field = mapFields.find((candidate) => state[candidate] !== undefined);
  if (field) throw new DefinitionRefused(`the Map ${name} uses ${field}, which does not run on this machine`);
  const select =
    state.ItemSelector &&
    libraryMachine({
      StartAt: 'Select',
      States: { Select: { Type: 'Pass', Parameters: state.ItemSelector, End: true } },
    });
  return { kind: 'map', select, child: nested(processor) };
}

/** Seconds; the longest that a timer can wait. A Lambda's 15 minutes are Lambda's: here a handler takes what it needs. */
const longest = 2_147_483;

function asLibraryTask(state: StateDefinition, task: CompiledTask): StateDefinition {
  if (isCommandOnEcs(state)) {
    const { Parameters: _, ResultSelector: __, ...plain } = state;
    return { ...plain, TimeoutSeconds: longest };
  }
  if (task.kind !== 'map' && task.kind !== 'parallel') return { ...state, TimeoutSeconds: longest };
  const { Branches, ItemProcessor, ItemsPath, ItemSelector, MaxConcurrency, MaxConcurrencyPath, ...rest } =
    state;
  const common = { ...rest, Type: 'Task', Resource: `local:${task.kind}`, TimeoutSeconds: longest };
  if (task.kind === 'parallel') return common;
  const jobs = MaxConcurrencyPath ? { 'jobs.$': MaxConcurrencyPath } : { jobs: MaxConcurrency ?? 0 };
  return { ...common, Parameters: { 'items.$': ItemsPath ?? '$', 'input.$': '$', ...jobs } };
}

function libraryMachine(definition: Definition): StateMachine {
  return new StateMachine(definition as unknown as StateMachineDefinition, {
    validationOptions: { noValidate: true },
  });
}
