import { runCommand } from '../../commands/run-command.ts';
import { inUseAlready } from '../../restore/in-use-already.ts';
import { RestoreInput } from '../../restore/input.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

const timeoutMs = 3600_000;

/** AfterRestore: the operator's own command, such as `nautobot-server post_upgrade`. */
export const afterRestore = stateHandler(RestoreInput, async (_, surroundings) => {
  const { signal, progress } = surroundings;
  const { output, durationMs } = await inUseAlready(surroundings, () =>
    runCommand(need(surroundings, 'afterRestore'), {
      signal,
      timeoutMs,
      name: 'the command of --after-restore',
      onLine: (line) => progress.warn(`after restore: ${line.slice(0, 500)}`),
    }),
  );
  return { seconds: Math.round(durationMs / 100) / 10, output: output.slice(-4000) };
});
