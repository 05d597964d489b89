import type { StateMachine } from 'aws-local-stepfunctions';
import type { CompiledTask } from './compile.ts';
import { type EventCount, refuseLargeState } from './limits.ts';

type LibraryEvents = ReturnType<StateMachine['run']>['eventLogs'];

export type StepEvent =
  | { readonly type: 'entered'; readonly state: string }
  | { readonly type: 'exited'; readonly state: string; readonly seconds: number }
  | { readonly type: 'failed'; readonly state: string; readonly error: string }
  | { readonly type: 'retried'; readonly state: string; readonly attempt: number }
  | { readonly type: 'caught'; readonly state: string; readonly resultPath: string | undefined };

/**
 * Reads the library's log of a list of states until it ends: passes it on, and holds every state against the limits
 * that Step Functions has and the library hasn't.
 * @throws StateTooLarge, TooManyEvents
 */
export async function watchSteps(
  log: LibraryEvents,
  tasks: ReadonlyMap<string, CompiledTask>,
  at: { readonly events: EventCount; onStep(event: StepEvent): void },
): Promise<void> {
  const enteredAt = new Map<string, number>();
  for await (const event of log) {
    if (!('state' in event)) continue;
    const { name, input, output } = event.state;
    switch (event.type) {
      case 'StateEntered':
        enteredAt.set(name, event.timestamp);
        at.onStep({ type: 'entered', state: name });
        at.events.add(1 + eventsWithin(tasks.get(name)), name);
        refuseLargeState(name, 'input', input);
        break;
      case 'StateExited': {
        const seconds = (event.timestamp - (enteredAt.get(name) ?? event.timestamp)) / 1000;
        at.onStep({ type: 'exited', state: name, seconds });
        at.events.add(1, name);
        refuseLargeState(name, 'output', output);
        break;
      }
      case 'StateFailed':
        at.onStep({ type: 'failed', state: name, error: event.Error });
        break;
      case 'StateRetried':
        at.onStep({ type: 'retried', state: name, attempt: event.retry.attempt });
        at.events.add(eventsWithin(tasks.get(name)), name);
        break;
      case 'StateCaught':
        at.onStep({ type: 'caught', state: name, resultPath: event.catch.catcher.ResultPath });
        break;
    }
  }
}

/** Events between those of entering and leaving: scheduled, started, ended for a Task; begun and ended for a fan-out. */
function eventsWithin(task: CompiledTask | undefined): number {
  if (!task) return 0;
  return task.kind === 'map' || task.kind === 'parallel' ? 2 : 3;
}
