import { z } from 'zod';
import type { RunDisplay, StateTime } from '../progress/run-display.ts';
import { counted, duration } from '../text/quantities.ts';
import { stateLines } from './backup-report.ts';

/** As much of the Restore machine's output as is reported; AnnounceRestore returns it. */
const RestoreOutput = z.looseObject({
  plan: z.looseObject({ backupId: z.string() }),
});

/** What a restore came to. */
export interface RestoreOutcome {
  readonly backupId: string;
  readonly milliseconds: number;
  readonly states: readonly StateTime[];
  readonly warnings: readonly string[];
}

export function restoreOutcome(output: unknown, display: RunDisplay): RestoreOutcome {
  const { plan } = RestoreOutput.parse(output);
  return {
    backupId: plan.backupId,
    milliseconds: display.span('restore'),
    states: display.times('restore'),
    warnings: [...display.warnings],
  };
}

/** The summary that `restore` ends with. */
export function restoreLines(outcome: RestoreOutcome): string[] {
  return [
    `Restored backup ${outcome.backupId} in ${duration(outcome.milliseconds)}`,
    ...stateLines(outcome.states),
    counted(outcome.warnings.length, 'warning'),
  ];
}
