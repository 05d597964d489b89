import type { z } from 'zod';
import { UsageError } from '../functions/errors/usage.ts';
import { describeAddress } from '../functions/postgres/address.ts';
import type { RestoreOptions } from '../functions/run/state.ts';
import type { LocalSurroundings } from '../local/run-machine.ts';
import { withFreeId } from './backup-chosen.ts';
import { checkDatabaseEarly } from './check-early.ts';
import type { Io } from './io.ts';
import type { Options, OptionsInput } from './option.ts';
import * as option from './options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { printResult } from './report/print-result.ts';
import { type RestoreOutcome, restoreLines, restoreOutcome } from './report/restore-report.ts';
import { run } from './run-machine.ts';
import { surroundingsOf } from './surroundings.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

/** What chooses how a restore ends; `replicate` has them too. */
export const restoreChoices = {
  keepPrevious: option.keepPrevious,
  sanitizeSql: option.sanitizeSql,
  invalidateCache: option.invalidateTargetCache,
  invalidateCommand: option.invalidateCommand,
  cacheKeyPrefix: option.cacheKeyPrefix,
  afterRestore: option.afterRestore,
  allowSource: option.allowSource,
  yes: option.yes,
};

const options = {
  store: option.store,
  backup: option.backup,
  target: option.target,
  media: option.targetMedia,
  table: option.table,
  ...restoreChoices,
  jobs: option.jobs,
  lambdaSeconds: option.lambdaSeconds,
  json: option.json,
  quiet: option.quiet,
};

export const restoreVerb: Verb = {
  name: 'restore',
  summary: 'Rebuild a database and its media from a backup',
  usage: '--store s3://BUCKET/PREFIX [--backup ID|latest] --target URL [--media DIR] [options]',
  details: [
    'Builds a new database beside the target, checks it against the backup and then exchanges the two; sessions of the old one are ended at that moment. Until then, and whenever anything fails, the target is as it was.',
    'A target must have been allowed once: replicator allow-target URL, or a yes to the question, or --yes.',
  ],
  options,
  later: ['--profile'],
  async run(written, io) {
    const chosen = validateOptions(options, withFreeId(written), io.environment);
    const outcome = await restore(chosen, io);
    printResult(io, chosen, { restore: outcome }, restoreLines(outcome));
    return 0;
  },
};

/**
 * Restores one backup, or some of its tables. A failed or interrupted restore leaves the target as it was.
 * @throws every error of docs/errors.md that a restore can end with
 */
export async function restore(given: OptionsInput<typeof options>, io: Io): Promise<RestoreOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  if (chosen.table.length > 0 && (chosen.media !== undefined || chosen.keepPrevious))
    throw new UsageError(
      '--table replaces rows of the target in place; leave out --media and --keep-previous',
    );
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const places = { ...chosen, targetMedia: chosen.media };
    const surroundings = await surroundingsOf(places, io, display);
    await checkDatabaseEarly(surroundings.target, io.signal);
    const input = {
      ...restoreInput(chosen),
      backup: chosen.backup,
      tables: [...chosen.table],
      jobs: chosen.jobs,
    };
    const output = await run('restore', input, surroundings, display, io, { ...chosen, places });
    return await restoreOutcome(output, targetOf(surroundings), surroundings.store, display);
  } finally {
    display.end();
  }
}

/** Options as the input of the Restore machine. */
export function restoreInput(chosen: Options<typeof restoreChoices>): z.input<typeof RestoreOptions> {
  return {
    keepPrevious: chosen.keepPrevious,
    invalidateCache: chosen.invalidateCache !== undefined || chosen.invalidateCommand !== undefined,
    afterRestore: chosen.afterRestore !== undefined,
  };
}

/** Where a restore goes, for its report. */
export function targetOf({ target }: LocalSurroundings): string {
  return target ? describeAddress(target.address) : '';
}
