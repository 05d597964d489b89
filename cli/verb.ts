import type { Io } from './io.ts';
import type { OptionKinds } from './option.ts';
import type { WrittenOptions } from './parse-options.ts';

/** What a file of this folder that is named after a verb has to offer. */
export interface Verb {
  readonly name: string;
  /** One line for `replicator help`. */
  readonly summary: string;
  /** What follows `replicator <verb>` in its usage line. */
  readonly usage: string;
  /** Paragraphs for `--help`. */
  readonly details: readonly string[];
  readonly options: OptionKinds;
  /** Flags of the documented contract that this version doesn't have. */
  readonly later?: readonly string[];
  /** Does the work and prints the result; returns the exit code. */
  run(written: WrittenOptions, io: Io): Promise<number>;
}
