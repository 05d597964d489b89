import { silence } from '../functions/run/progress.ts';
import { type Definition, readDefinition } from '../local/definition.ts';
import type { MachineName } from '../local/machine-names.ts';
import { type LocalSurroundings, type RunnerEvent, runMachine } from '../local/run-machine.ts';
import { taskOf } from '../local/task.ts';
import type { ThreadPlaces } from '../local/threads/messages.ts';
import { threadedHandlers, threadsFor } from '../local/threads/threaded-handlers.ts';
import type { Io } from './io.ts';
import type { RunDisplay } from './progress/run-display.ts';

/** What of a verb's options concerns how handlers are run. */
export interface Running {
  readonly places: ThreadPlaces;
  readonly jobs: number;
  readonly lambdaSeconds?: number | undefined;
}

/**
 * Runs a machine on this host while the display follows it.
 * @returns the machine's output
 * @throws what the first failing handler threw, or the signal's reason; the run's clean-up is over by then
 */
export async function run(
  machine: 'backup' | 'restore' | 'replicate',
  input: unknown,
  surroundings: LocalSurroundings,
  display: RunDisplay,
  io: Io,
  { places, jobs, lambdaSeconds }: Running,
): Promise<unknown> {
  // Late: the verbs that only read start without the libraries that handlers need
  const { beatingHandlers } = await import('../local/heartbeat.ts');
  const beating = beatingHandlers();
  const threaded = threadedHandlers(
    beating.handlers,
    { ...places, maskKey: surroundings.maskKey },
    threadsFor(jobs),
  );
  const follow = follower(display);
  try {
    return await runMachine(machine, input, {
      handlers: threaded.handlers,
      // On this machine the error itself is printed; AnnounceFailure would say it twice
      surroundingsFor: ({ handler }) =>
        handler === 'AnnounceFailure' ? { ...surroundings, progress: silence } : surroundings,
      signal: io.signal,
      lambdaSeconds,
      onEvent(event) {
        follow(event);
        io.onEvent?.(event);
      },
    });
  } finally {
    beating.stop();
    await threaded.end();
  }
}

/** Tells the display of the states that do work; fan-outs and choices only arrange them. */
function follower(display: RunDisplay): (event: RunnerEvent) => void {
  const working = new Map<MachineName, ReadonlySet<string>>();
  return ({ machine, state, type }) => {
    if (machine === 'replicate' || machine === 'keep-snapshot') return;
    const tasks = working.get(machine) ?? tasksOf(readDefinition(machine));
    working.set(machine, tasks);
    if (!tasks.has(state)) return;
    if (type === 'entered') display.stateEntered(machine, state);
    else if (type === 'exited' || type === 'failed') display.stateLeft(machine, state);
    else display.stateRepeated(machine, state);
  };
}

function tasksOf(definition: Definition): Set<string> {
  return new Set(
    Object.entries(definition.States).flatMap(([name, state]) => {
      if (state.Type === 'Task') return taskOf(name, state).kind === 'announcement' ? [] : [name];
      const inner = [...(state.Branches ?? []), ...(state.ItemProcessor ? [state.ItemProcessor] : [])];
      return inner.flatMap((each) => [...tasksOf(each)]);
    }),
  );
}
