import { CommandFailed, CommandTimedOut } from '../commands/errors.ts';
import { type CommandEnd, runCommand } from '../commands/run-command.ts';
import { leaveSection } from '../report/leave-section.ts';
import { withoutSecrets } from '../run/environment-names.ts';
import { need } from '../run/require.ts';
import type { RestoreOptions, RunState } from '../run/state.ts';
import { find } from '../run/stored.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { keys, RestoreRecord } from './records.ts';

/** Of the output, in reports and in the machine's state. */
const keptCharacters = 4000;
/** Of a line, on its way to a person. */
const longestLine = 10_000;

/**
 * Runs the operator's own command, with the ids of run and backup in its environment and none of this program's
 * secrets. How it ended is in the report, also where it failed.
 * @throws CommandFailed, CommandTimedOut, which say how to go back
 */
export async function runAfterRestore(
  run: RunState,
  options: RestoreOptions,
  surroundings: Surroundings,
): Promise<{ seconds: number; output: string }> {
  const { signal, progress, store } = surroundings;
  const { backupId } = await find(store, keys.plan(run.id), RestoreRecord);
  const told = async (ended: CommandEnd) =>
    leaveSection(store, run.id, 'AfterRestore', {
      ...resultOf(ended),
      exitCode: ended.exitCode,
      timedOut: ended.timedOut,
    });
  try {
    const ended = await runCommand(need(surroundings, 'afterRestore'), {
      signal,
      timeoutMs: options.afterRestoreSeconds * 1000,
      env: { ...withoutSecrets, REPLICATOR_RUN_ID: run.id, REPLICATOR_BACKUP_ID: backupId },
      name: 'the command of --after-restore',
      onLine: (line) => progress.warn(`after restore: ${line.slice(0, longestLine)}`),
      onEnd: (ended) => told(ended).catch(() => {}),
    });
    return resultOf(ended);
  } catch (error) {
    throw withWayBack(error, run, options);
  }
}

function resultOf({ output, durationMs }: Pick<CommandEnd, 'output' | 'durationMs'>) {
  return { seconds: Math.round(durationMs / 100) / 10, output: output.slice(-keptCharacters) };
}

function withWayBack(error: unknown, run: RunState, { keepPrevious, tables }: RestoreOptions): unknown {
  const kinds = [CommandFailed, CommandTimedOut];
  const Kind = kinds.find((kind) => error instanceof kind);
  if (!Kind || !(error instanceof Error)) return error;
  const way = keepPrevious
    ? `; what was restored is in use, and what was there before is kept: replicator undo --target URL --run ${run.id} goes back to it`
    : `; what was restored is in use, and ${tables.length > 0 ? 'replaced rows are' : 'what was there before is'} gone${tables.length > 0 ? '' : ' (--keep-previous would have kept it, for replicator undo)'}`;
  return new Kind(`${error.message}${way}`, { cause: error });
}
