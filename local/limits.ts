import { StateTooLarge, TooManyEvents } from './errors.ts';

/** Step Functions' quota on what a state takes in and passes on, in bytes of UTF-8. */
export const largestState = 262_144;

/** Step Functions ends an execution at 25,000 events of its history; a run that comes near it is refused here. */
export const mostEvents = 20_000;

/** @throws StateTooLarge */
export function refuseLargeState(state: string, what: 'input' | 'output', value: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '');
  if (bytes > largestState)
    throw new StateTooLarge(`the ${what} of ${state} has ${bytes} bytes, more than ${largestState}`);
}

/** Events that an execution's history would hold on AWS. Children of a distributed Map have histories of their own. */
export class EventCount {
  #events = 0;

  /** @throws TooManyEvents */
  add(events: number, state: string): void {
    this.#events += events;
    if (this.#events > mostEvents)
      throw new TooManyEvents(`at ${state} the run has more than ${mostEvents} events`);
  }
}
