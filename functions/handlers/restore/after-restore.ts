import { runCommand } from '../../commands/run-command.ts';
import { leaveSection } from '../../report/leave-section.ts';
import { inUseAlready } from '../../restore/in-use-already.ts';
import { RestoreInput } from '../../restore/input.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

const timeoutMs = 3600_000;

/** AfterRestore: the operator's own command, such as `nautobot-server post_upgrade`. */
export const afterRestore = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const { signal, progress, store } = surroundings;
  return inUseAlready(surroundings, async () => {
    const { output, durationMs } = await runCommand(need(surroundings, 'afterRestore'), {
      signal,
      timeoutMs,
      name: 'the command of --after-restore',
      onLine: (line) => progress.warn(`after restore: ${line.slice(0, 500)}`),
    });
    const outcome = { seconds: Math.round(durationMs / 100) / 10, output: output.slice(-4000) };
    await leaveSection(store, run.id, 'AfterRestore', outcome);
    return outcome;
  });
});
