import { Interrupted } from '../functions/errors/usage.ts';
import type { Output } from './io.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C reaches a process twice when npm or a launcher stands in between and passes it on. */
const sameKeyPressMs = 250;

/** What a person is told, at the first signal and at the second. */
export interface InterruptionWords {
  readonly begin: string;
  readonly end: string;
  readonly leave: string;
}

const removing: InterruptionWords = {
  begin: 'removing what was built',
  end: 'what it had built was removed',
  leave: 'left without cleaning up; the next run removes what is left',
};

/** Of verbs that only look at what runs on AWS. */
export const lookingAway: InterruptionWords = {
  begin: 'no longer looking',
  end: 'whatever runs on AWS goes on',
  leave: 'left',
};

/**
 * The first signal aborts the run, which then cleans up; another one ends the process at once with 130.
 * @returns stops listening
 */
export function abortOnSignals(
  controller: AbortController,
  stderr: Output,
  words: InterruptionWords = removing,
): () => void {
  let firstAt: number | undefined;
  const listener = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stderr.write(`\nreplicator: ${signal}: ${words.begin}; again to leave at once\n`);
      controller.abort(new Interrupted(`ended by ${signal}; ${words.end}`));
    } else if (performance.now() - firstAt > sameKeyPressMs) {
      stderr.write(`replicator: ${words.leave}\n`);
      process.exit(130);
    }
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.removeListener(signal, listener);
  };
}
