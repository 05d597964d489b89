import { type CommandResult, runCommand } from '../commands/run-command.ts';
import { withoutSecrets } from '../run/environment-names.ts';
import type { Progress } from '../run/progress.ts';

export interface InvalidateCommandOptions {
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Ten minutes by default. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** More of a command's output than this is kept out of the progress, not out of the result. */
const mostLines = 200;

/**
 * Runs a command of the user's, such as `nautobot-server invalidate all`, with its output shown as it comes.
 * That it ends with 0 proves little: Nautobot 1.6's does so, too, when Redis is away.
 * @throws CommandFailed, CommandTimedOut, the signal's reason
 */
export async function invalidateByCommand(
  command: string,
  options: InvalidateCommandOptions,
): Promise<CommandResult> {
  let lines = 0;
  return runCommand(command, {
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? 600_000,
    env: { ...withoutSecrets, ...options.env },
    name: 'the command that invalidates the cache',
    onLine: (line) => {
      lines += 1;
      if (lines <= mostLines) options.progress.warn(`cache command: ${line.slice(0, 500)}`);
    },
  });
}
