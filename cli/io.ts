import type { Readable, Writable } from 'node:stream';
import type { RunnerEvent } from '../local/run-machine.ts';

/** A stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** What a verb has of the process around it; the demo and tests hand in their own. */
export interface Io {
  /** Results only. */
  readonly stdout: Output;
  /** Progress, messages, warnings, questions. */
  readonly stderr: Output;
  /** Where a person answers questions; undefined: nobody is there. */
  readonly stdin?: (Readable & { readonly isTTY?: boolean }) | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Ends the run: its clean-up is waited for, then the verb rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Told of every state that is entered and left. */
  readonly onEvent?: (event: RunnerEvent) => void;
}
