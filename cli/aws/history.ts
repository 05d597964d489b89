import type { HistoryEvent } from '@aws-sdk/client-sfn';

/** What an execution's history says of one of its states. */
export interface SeenState {
  readonly name: string;
  readonly type: string;
  readonly enteredAt: Date;
  leftAt?: Date;
  /** Attempts that failed. */
  failures: number;
  error?: string;
  /** Of a distributed Map: where its counts are. */
  mapRunArn?: string;
  /** Of a nested execution. */
  executionArn?: string;
}

/** The states of an execution as its history tells of them. Events are added in any portions, each once, oldest first. */
export class History {
  readonly states: SeenState[] = [];
  /** Id of the newest event known. */
  newest = 0;
  readonly #stateOf = new Map<number, SeenState>();

  add(events: readonly HistoryEvent[]): void {
    for (const event of events) {
      if (event.id === undefined || event.id <= this.newest) continue;
      this.newest = event.id;
      this.#take(event, event.id);
    }
  }

  /** States that were entered and not left yet, but for those that only lead on. */
  get active(): SeenState[] {
    return this.states.filter(({ leftAt, type }) => leftAt === undefined && /^(Task|Map|Wait)$/.test(type));
  }

  #take(event: HistoryEvent, id: number): void {
    const { type = '', timestamp = new Date(0) } = event;
    const entered = /^(\w+)StateEntered$/.exec(type)?.[1];
    if (entered !== undefined) {
      const name = event.stateEnteredEventDetails?.name ?? '?';
      const state = { name, type: entered, enteredAt: timestamp, failures: 0 };
      this.states.push(state);
      this.#stateOf.set(id, state);
      return;
    }
    // Every event names the one before it in the same branch
    const state = this.#stateOf.get(event.previousEventId ?? 0);
    if (!state) return;
    this.#stateOf.set(id, state);
    if (/StateExited$/.test(type)) {
      this.#leave(state, event.stateExitedEventDetails?.name, timestamp);
    } else if (/(Failed|TimedOut)$/.test(type)) {
      state.failures++;
      state.error = errorIn(event) ?? state.error ?? type;
    } else if (type === 'MapRunStarted') {
      const arn = event.mapRunStartedEventDetails?.mapRunArn;
      if (arn !== undefined) state.mapRunArn = arn;
    } else if (type === 'TaskSubmitted') {
      const arn = executionIn(event.taskSubmittedEventDetails?.output);
      if (arn !== undefined) state.executionArn = arn;
    }
  }

  /** A Parallel's end follows the end of one of its branches; of the others nothing is heard where it failed. */
  #leave(before: SeenState, name: string | undefined, at: Date): void {
    const isOpen = (seen: SeenState) => seen.name === name && seen.leftAt === undefined;
    const state = isOpen(before) ? before : this.states.findLast(isOpen);
    if (!state) return;
    state.leftAt = at;
    if (state.type !== 'Parallel') return;
    for (const inner of this.states.slice(this.states.indexOf(state))) inner.leftAt ??= at;
  }
}

function errorIn(event: HistoryEvent): string | undefined {
  const details = [
    event.lambdaFunctionFailedEventDetails,
    event.lambdaFunctionTimedOutEventDetails,
    event.taskFailedEventDetails,
    event.taskTimedOutEventDetails,
    event.mapRunFailedEventDetails,
    event.executionFailedEventDetails,
  ].find((found) => found !== undefined);
  return details?.error;
}

function executionIn(output: string | undefined): string | undefined {
  try {
    const { ExecutionArn } = JSON.parse(output ?? '') as { ExecutionArn?: unknown };
    return typeof ExecutionArn === 'string' ? ExecutionArn : undefined;
  } catch {
    return undefined;
  }
}
