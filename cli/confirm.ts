import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Io } from './io.ts';

/**
 * Asks a person at a terminal on standard error; only `y` and `yes` are yes.
 * Without a terminal on both sides nobody can be asked, and the answer is no.
 * @throws the signal's reason when the run is aborted meanwhile
 */
export async function confirm(question: string, io: Io): Promise<boolean> {
  if (!io.stdin?.isTTY || !io.stderr.isTTY) return false;
  const terminal = createInterface({ input: io.stdin, output: io.stderr });
  // In a terminal that readline listens to, Ctrl-C is a key and no signal
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = once(terminal, 'close').then(() => '');
  try {
    const answer = await Promise.race([
      terminal.question(`${question} [y/N] `, { signal: io.signal }),
      closed,
    ]);
    return /^\s*y(es)?\s*$/i.test(answer);
  } catch (error) {
    io.signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
}
