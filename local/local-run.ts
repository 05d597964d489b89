import type { StateHandler } from '../functions/handlers/state-handler.ts';
import type { Surroundings } from '../functions/run/surroundings.ts';
import type { Compiled } from './compile.ts';
import type { Definition } from './definition.ts';
import type { Execution } from './execution.ts';
import type { MachineName } from './machine-names.ts';

/** Where in a run a handler is about to work. */
export interface Place {
  readonly machine: MachineName;
  readonly state: string;
  readonly handler: string;
  /** Index of the Map's item that it works on. */
  readonly item?: number;
}

/** What a handler finds around it; the runner itself adds the signal and the time left. */
export type LocalSurroundings = Omit<Surroundings, 'signal' | 'remainingMs'>;

export type RunnerEvent = {
  readonly machine: MachineName;
  readonly state: string;
  readonly item?: number;
} & (
  | { readonly type: 'entered' }
  /** `seconds` since it was entered, waiting and repeating included. */
  | { readonly type: 'exited'; readonly seconds: number }
  /** One attempt failed; the machine may try again, or lead elsewhere. */
  | { readonly type: 'failed'; readonly error: string }
  | { readonly type: 'retried'; readonly attempt: number }
);

export interface RunnerOptions {
  /** By the name of the handler, which is the state's in most cases. */
  readonly handlers: Readonly<Record<string, StateHandler>>;
  surroundingsFor(place: Place): LocalSurroundings;
  /** Ctrl-C: ends handlers, then cleans up. */
  readonly signal: AbortSignal;
  onEvent?(event: RunnerEvent): void;
  /** Every handler gets this many seconds, as on Lambda; without it, as long as it takes. */
  readonly lambdaSeconds?: number | undefined;
  /** Definitions in place of the synthesised ones; tests use it. */
  readonly definitions?: Partial<Record<MachineName, Definition>>;
}

/** One call of runMachine, with all executions that came of it. */
export interface LocalRun {
  readonly options: RunnerOptions;
  readonly machines: ReadonlyMap<MachineName, Compiled>;
  readonly executions: Map<string, Execution>;
  /** What handlers threw, in order. */
  readonly handlerErrors: unknown[];
}
