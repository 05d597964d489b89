import { z } from 'zod';
import { leaveOutOf } from '../functions/backup/input.ts';
import { BackupOptions } from '../functions/run/state.ts';
import { backupChoices, backupInput, backupOutcome } from './backup.ts';
import { checkCacheEarly, checkProfileEarly, checkTargetEarly } from './check-early.ts';
import { lookAtBackup } from './dry-run.ts';
import type { Io } from './io.ts';
import type { Options, OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { type BackupOutcome, backupLines } from './report/backup-report.ts';
import { backupDryRunLines, type DryRunOfBackup } from './report/dry-run-report.ts';
import { printResult } from './report/print-result.ts';
import { type RestoreOutcome, restoreLines, restoreOutcome } from './report/restore-report.ts';
import { restoreChoices, restoreInput, targetOf } from './restore.ts';
import { run } from './run-machine.ts';
import { surroundingsOf } from './surroundings.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = {
  source: option.source,
  target: option.target,
  store: option.store,
  media: option.backedUpMedia,
  targetMedia: option.restoredMedia,
  ...backupChoices,
  sourceProfile: option.backupProfile,
  ...restoreChoices,
  json: option.json,
  quiet: option.quiet,
};

/** What a replication came to. */
export interface ReplicateOutcome {
  readonly backup: BackupOutcome;
  readonly restore: RestoreOutcome;
}

export const replicateVerb: Verb = {
  name: 'replicate',
  summary: 'Back up one Nautobot and rebuild another one from that backup',
  usage: '--source URL --target URL --store s3://BUCKET/PREFIX [--media DIR --target-media DIR] [options]',
  details: [
    "--media is the source's directory, --target-media the target's; the cache is the target's. Where both are buckets (s3://BUCKET/PREFIX), media are copied from one into the other.",
    '--profile is applied where rows are loaded, so that the backup is whole; --source-profile where they are read.',
    'See replicator backup --help and replicator restore --help for what each half does.',
  ],
  options,
  later: ['--table'],
  async run(written, io) {
    refuseExtra(written.positionals, 0);
    const chosen = validateOptions(options, written.values, io.environment);
    if (chosen.dryRun) {
      const found = await dryRun(chosen, io);
      printResult(io, chosen, { dryRun: found }, backupDryRunLines(found));
      return found.exitCode;
    }
    const outcome = await replicate(chosen, io);
    printResult(io, chosen, outcome, replicateLines(outcome), outcome.backup.backupId);
    return 0;
  },
};

/**
 * Looks at everything that a backup and the restore after it would look at first, and changes nothing.
 * @throws what is wrong with the source's server, the patterns or the options
 */
export async function dryRun(given: OptionsInput<typeof options>, io: Io): Promise<DryRunOfBackup> {
  const chosen = validateOptions(options, given, io.environment);
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const surroundings = await surroundingsOf(placesOf(chosen), io, display);
    return await lookAtBackup(chosen, surroundings, io, chosen);
  } finally {
    display.end();
  }
}

/**
 * Backs up the source and restores that backup into the target.
 * @throws every error of docs/errors.md that a backup or a restore can end with
 */
export async function replicate(given: OptionsInput<typeof options>, io: Io): Promise<ReplicateOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const places = placesOf(chosen);
    const surroundings = await surroundingsOf(places, io, display);
    await checkCacheEarly(surroundings, io.signal);
    await checkTargetEarly(surroundings, chosen, io.signal);
    await checkProfileEarly(surroundings, leaveOutOf(BackupOptions.parse(backupInput(chosen))), io.signal);
    const input = { backup: backupInput(chosen), restore: { ...restoreInput(chosen), jobs: chosen.jobs } };
    const output = Output.parse(
      await run('replicate', input, surroundings, display, io, { ...chosen, places }),
    );
    return {
      backup: await backupOutcome(output.backup, surroundings.store, display),
      restore: await restoreOutcome(output.restore, targetOf(surroundings), surroundings.store, display),
    };
  } finally {
    display.end();
  }
}

function placesOf(chosen: Options<typeof options>) {
  return { ...chosen, sourceMedia: chosen.media, targetProfile: chosen.profile };
}

const Output = z.object({ backup: z.unknown(), restore: z.unknown() });

/** What `replicate` prints at its end. */
export function replicateLines(outcome: ReplicateOutcome): string[] {
  return [...backupLines(outcome.backup), '', ...restoreLines(outcome.restore)];
}
