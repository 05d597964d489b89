import type { Compiled, CompiledTask, MapInput } from './compile.ts';
import { RunIsOver, TaskFailure } from './errors.ts';
import { EventCount } from './limits.ts';
import { runSteps, type Surrounding } from './run-steps.ts';

/** All branches at once on the same input. The first that fails ends the others, and its error is the state's. */
export async function runParallel(
  task: Extract<CompiledTask, { kind: 'parallel' }>,
  input: unknown,
  surrounding: Surrounding,
): Promise<unknown[]> {
  return together(task.branches, task.branches.length, surrounding, (branch, within) =>
    runSteps(branch, input, within),
  );
}

/**
 * A child for every item, `jobs` of them at once. The first that fails ends the others and keeps queued ones from
 * starting; what the machine sees of it is AWS' name for a failed distributed Map, whatever the child threw.
 * @param onItem what is different around an item's child
 */
export async function runMap(
  task: Extract<CompiledTask, { kind: 'map' }>,
  { items, input, jobs }: MapInput,
  surrounding: Surrounding,
  onItem: (index: number) => Partial<Surrounding>,
): Promise<unknown[]> {
  const indexed = items.map((value, index) => ({ value, index }));
  try {
    return await together(indexed, jobs || items.length, surrounding, async ({ value, index }, within) => {
      const childInput = await select(task.select, input, { Index: index, Value: value });
      const child = { ...within, events: new EventCount(), ...onItem(index) };
      return runSteps(task.child, childInput ?? value, child);
    });
  } catch (error) {
    if (error instanceof RunIsOver) throw error;
    throw new TaskFailure(
      'States.ExceedToleratedFailureThreshold',
      'The specified tolerated failure threshold was exceeded',
      error instanceof TaskFailure ? error.original : error,
    );
  }
}

/** Evaluates an ItemSelector, the only place in which a definition looks at the context's Map. */
async function select(
  selector: Compiled['steps'] | undefined,
  input: unknown,
  item: { Index: number; Value: unknown },
): Promise<unknown> {
  if (!selector) return undefined;
  return selector.run(input as never, { context: { Map: { Item: item } } }).result;
}

/** Runs work for every member, and returns or throws only when none runs any more. */
async function together<Member>(
  members: readonly Member[],
  atOnce: number,
  surrounding: Surrounding,
  work: (member: Member, within: Surrounding) => Promise<unknown>,
): Promise<unknown[]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([surrounding.signal, failed.signal]);
  const within = { ...surrounding, signal };
  const results: unknown[] = new Array(members.length);
  let firstError: unknown;
  let next = 0;
  const worker = async () => {
    while (next < members.length && !signal.aborted) {
      const index = next++;
      try {
        results[index] = await work(members[index] as Member, within);
      } catch (error) {
        if (!signal.aborted) firstError = error;
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, members.length) }, worker));
  if (firstError !== undefined) throw firstError;
  if (signal.aborted) throw new RunIsOver();
  return results;
}
