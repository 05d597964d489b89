import { z } from 'zod';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { backupKey } from '../functions/run/keys.ts';
import { RunId } from '../functions/run/run-id.ts';
import type { BackupOptions } from '../functions/run/state.ts';
import type { ObjectStore } from '../functions/store/object-store.ts';
import { checkCacheEarly, checkDatabaseEarly } from './check-early.ts';
import { lookAtBackup } from './dry-run.ts';
import type { Io } from './io.ts';
import type { Options, OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { type BackupOutcome, backupLines } from './report/backup-report.ts';
import { backupDryRunLines, type DryRunOfBackup } from './report/dry-run-report.ts';
import { printResult } from './report/print-result.ts';
import { summarise } from './report/summary.ts';
import { run } from './run-machine.ts';
import { surroundingsOf } from './surroundings.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

/** What chooses a backup's content and pace; `replicate` has them too. */
export const backupChoices = {
  excludeTableData: option.excludeTableData,
  excludeTable: option.excludeTable,
  excludeMedia: option.excludeMedia,
  schemaOnly: option.schemaOnly,
  rows: option.rows,
  jobs: option.jobs,
  shardSize: option.shardSize,
  lambdaSeconds: option.lambdaSeconds,
};

const options = {
  source: option.source,
  store: option.store,
  media: option.backedUpMedia,
  ...backupChoices,
  profile: option.backupProfile,
  keepAdmin: option.keepAdmin,
  invalidateCache: option.invalidateSourceCache,
  invalidateCommand: option.invalidateCommand,
  cacheKeyPrefix: option.cacheKeyPrefix,
  dryRun: option.dryRun,
  json: option.json,
  quiet: option.quiet,
};

export const backupVerb: Verb = {
  name: 'backup',
  summary: 'Back up the database and media of a Nautobot to S3',
  usage: '--source URL --store s3://BUCKET/PREFIX [--media DIR] [options]',
  details: [
    'Reads one consistent snapshot with several workers and prints the id of the backup. The source goes on working.',
  ],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 0);
    const chosen = validateOptions(options, written.values, io.environment);
    if (chosen.dryRun) {
      const found = await dryRun(chosen, io);
      printResult(io, chosen, { dryRun: found }, backupDryRunLines(found));
      return found.exitCode;
    }
    const outcome = await backup(chosen, io);
    printResult(io, chosen, { backup: outcome }, backupLines(outcome), outcome.backupId);
    return 0;
  },
};

/**
 * Looks at everything that a backup would look at first, and changes nothing.
 * @throws what is wrong with the source's server, the patterns or the options
 */
export async function dryRun(given: OptionsInput<typeof options>, io: Io): Promise<DryRunOfBackup> {
  const chosen = validateOptions(options, given, io.environment);
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const surroundings = await surroundingsOf(placesOf(chosen), io, display);
    return await lookAtBackup(chosen, surroundings, io);
  } finally {
    display.end();
  }
}

/**
 * Makes one backup. Ends a failed or interrupted one by removing what was written.
 * @throws every error of docs/errors.md that a backup can end with
 */
export async function backup(given: OptionsInput<typeof options>, io: Io): Promise<BackupOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const places = placesOf(chosen);
    const surroundings = await surroundingsOf(places, io, display);
    await checkDatabaseEarly(surroundings.source, io.signal);
    await checkCacheEarly(surroundings, io.signal);
    const input = { ...backupInput(chosen), invalidateCache: surroundings.cache !== undefined };
    const output = await run('backup', input, surroundings, display, io, { ...chosen, places });
    return await backupOutcome(output, surroundings.store, display);
  } finally {
    display.end();
  }
}

function placesOf(chosen: Options<typeof options>) {
  return { ...chosen, sourceMedia: chosen.media, sourceProfile: chosen.profile };
}

/** Options as the input of the Backup machine. */
export function backupInput(chosen: Options<typeof backupChoices>): z.input<typeof BackupOptions> {
  return {
    excludeTableData: [...chosen.excludeTableData],
    excludeTables: [...chosen.excludeTable],
    excludeMedia: [...chosen.excludeMedia],
    schemaOnly: chosen.schemaOnly,
    jobs: chosen.jobs,
    shardBytes: chosen.shardSize,
  };
}

const BackupOutput = z.object({ backup: z.object({ backupId: RunId }) });

/** What a backup came to, from its own manifest. */
export async function backupOutcome(
  output: unknown,
  store: ObjectStore,
  display: RunDisplay,
): Promise<BackupOutcome> {
  const { backupId } = BackupOutput.parse(output).backup;
  const states = display.times('backup');
  return {
    ...summarise(await readManifest(store, backupId), store.uri(backupKey(backupId, ''))),
    milliseconds: display.span('backup'),
    states,
    warnings: [...display.warnings],
  };
}
