import { Interrupted } from '../functions/errors/usage.ts';
import type { Output } from './io.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Ctrl-C reaches a process twice when npm or a launcher stands in between and passes it on. */
const sameKeyPressMs = 250;

/**
 * The first signal aborts the run, which then cleans up; another one ends the process at once with 130.
 * @returns stops listening
 */
export function abortOnSignals(controller: AbortController, stderr: Output): () => void {
  let firstAt: number | undefined;
  const listener = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stderr.write(`\nreplicator: ${signal}: removing what was built; again to leave at once\n`);
      controller.abort(new Interrupted(`ended by ${signal}; what it had built was removed`));
    } else if (performance.now() - firstAt > sameKeyPressMs) {
      stderr.write('replicator: left without cleaning up; the next run removes what is left\n');
      process.exit(130);
    }
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.removeListener(signal, listener);
  };
}
