import type { z } from 'zod';
import { latestBackup } from '../functions/archive/list-backups.ts';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { estimateRestore } from '../functions/estimate/estimate-restore.ts';
import { shapeOfBackup } from '../functions/estimate/shape-of-backup.ts';
import { describeAddress } from '../functions/postgres/address.ts';
import { dryRunOf } from '../functions/restore/dry-run.ts';
import { examine } from '../functions/restore/examine.ts';
import { need } from '../functions/run/require.ts';
import { newRunId } from '../functions/run/run-id.ts';
import { RestoreOptions } from '../functions/run/state.ts';
import { createTarget } from '../functions/target/create-target.ts';
import type { LocalSurroundings } from '../local/run-machine.ts';
import { withFreeId } from './backup-chosen.ts';
import { checkDatabaseEarly } from './check-early.ts';
import type { Io } from './io.ts';
import type { Options, OptionsInput } from './option.ts';
import { isBucket } from './options/values.ts';
import * as option from './options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { type DryRunOfRestore, restoreDryRunLines } from './report/dry-run-report.ts';
import { printResult } from './report/print-result.ts';
import { type RestoreOutcome, restoreLines, restoreOutcome } from './report/restore-report.ts';
import { type RestoredMediaOutcome, restoredMediaLines, restoreMediaOnly } from './restore-media.ts';
import { run } from './run-machine.ts';
import { surroundingsOf, withoutMachine } from './surroundings.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

/** What chooses how a restore ends; `replicate` has them too. */
export const restoreChoices = {
  keepPrevious: option.keepPrevious,
  dropPrevious: option.dropPrevious,
  profile: option.restoreProfile,
  keepAdmin: option.keepAdmin,
  stagingAdmin: option.stagingAdmin,
  sanitizeSql: option.sanitizeSql,
  invalidateCache: option.invalidateTargetCache,
  invalidateCommand: option.invalidateCommand,
  cacheKeyPrefix: option.cacheKeyPrefix,
  drainBroker: option.drainBroker,
  broker: option.broker,
  sourceBroker: option.sourceBroker,
  afterRestore: option.afterRestore,
  afterRestoreTimeout: option.afterRestoreTimeout,
  allowSource: option.allowSource,
  allowOlderCode: option.allowOlderCode,
  ignoreDiskSpace: option.ignoreDiskSpace,
  removeOtherMedia: option.removeOtherMedia,
  dryRun: option.dryRun,
  yes: option.yes,
};

const options = {
  store: option.store,
  backup: option.backup,
  target: option.target,
  source: option.sourceToCompare,
  createTarget: option.createTarget,
  media: option.restoredMedia,
  mediaFrom: option.mediaFrom,
  excludeMedia: option.excludeMedia,
  mediaOnly: option.mediaOnly,
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
  async run(written, io) {
    const chosen = validateOptions(options, withFreeId(written), io.environment);
    if (chosen.mediaOnly.length > 0) {
      const found = await restoreSomeMedia(chosen, io);
      printResult(io, chosen, { restoredMedia: found }, restoredMediaLines(found));
      return 0;
    }
    if (chosen.dryRun) {
      const found = await dryRun(chosen, io);
      printResult(io, chosen, { dryRun: found }, restoreDryRunLines(found));
      return found.exitCode;
    }
    const outcome = await restore(chosen, io);
    printResult(io, chosen, { restore: outcome }, restoreLines(outcome));
    return 0;
  },
};

/**
 * Looks at everything that a restore would look at before it builds, and changes nothing.
 * @throws what is wrong with the backup, the patterns or the options
 */
export async function dryRun(given: OptionsInput<typeof options>, io: Io): Promise<DryRunOfRestore> {
  const chosen = validateOptions(options, given, io.environment);
  refuseTogether(chosen);
  if (chosen.createTarget)
    throw new UsageError(
      '--create-target makes a database and --dry-run changes nothing; leave out one of them',
    );
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const surroundings = await surroundingsOf(placesOf(chosen), io, display);
    const runId = newRunId();
    const around = withoutMachine(surroundings, io);
    const found = await examine(runId, RestoreOptions.parse(inputOf(chosen)), around);
    const { manifest } = found;
    const { seconds } = estimateRestore(shapeOfBackup(manifest, found.entries, found.media), {
      jobs: chosen.jobs,
      shardBytes: manifest.settings.shardBytes,
      serverVersion: manifest.source.serverVersionNum,
    });
    return { ...dryRunOf(found, need(around, 'target'), runId), seconds };
  } finally {
    display.end();
  }
}

/**
 * Restores one backup, or some of its tables. A failed or interrupted restore leaves the target as it was.
 * @throws every error of docs/errors.md that a restore can end with
 */
export async function restore(given: OptionsInput<typeof options>, io: Io): Promise<RestoreOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  refuseTogether(chosen);
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const places = placesOf(chosen);
    const surroundings = await surroundingsOf(places, io, display);
    if (chosen.createTarget) await createMissing(chosen.backup, surroundings, io.signal);
    await checkDatabaseEarly(surroundings.target, io.signal);
    const output = await run('restore', inputOf(chosen), surroundings, display, io, { ...chosen, places });
    return await restoreOutcome(output, targetOf(surroundings), surroundings.store, display);
  } finally {
    display.end();
  }
}

/** After a disaster there is no target yet; what it is to be like, the backup says. */
async function createMissing(
  backup: string,
  surroundings: LocalSurroundings,
  signal: AbortSignal,
): Promise<void> {
  const { store, target, allowSource, allowedTargets } = surroundings;
  if (!target) return;
  const { source } = await readManifest(store, backup === 'latest' ? await latestBackup(store) : backup);
  const runId = newRunId();
  const rules = { allowSource, allowedTargets };
  if (await createTarget(target, source, { runId, rules, signal }))
    surroundings.progress.warn(
      `there was no database ${target.address.database}: it is made now, and marked`,
    );
}

/**
 * Restores some media into a directory that stays in use.
 * @throws every error of docs/errors.md that a restore can end with
 */
export async function restoreSomeMedia(
  given: OptionsInput<typeof options>,
  io: Io,
): Promise<RestoredMediaOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  const { table, keepPrevious, dropPrevious, dryRun, profile, sanitizeSql, afterRestore, drainBroker } =
    chosen;
  if (
    table.length > 0 ||
    keepPrevious ||
    dropPrevious ||
    dryRun ||
    profile ||
    sanitizeSql ||
    afterRestore ||
    drainBroker ||
    isBucket(chosen.media) ||
    chosen.mediaFrom !== undefined
  )
    throw new UsageError(
      '--media-only replaces files in place and touches nothing else; only --media DIR, --exclude-media, --backup and --jobs go with it',
    );
  const display = new RunDisplay(io, chosen.quiet);
  try {
    const places = { store: chosen.store, target: chosen.target, targetMedia: chosen.media };
    const said = { allowSource: chosen.allowSource, yes: chosen.yes };
    const surroundings = await surroundingsOf({ ...places, ...said }, io, display);
    await checkDatabaseEarly(surroundings.target, io.signal);
    return await restoreMediaOnly(chosen, surroundings, io, display);
  } finally {
    display.end();
  }
}

function placesOf(chosen: Options<typeof options>) {
  return { ...chosen, targetMedia: chosen.media, targetProfile: chosen.profile };
}

function refuseTogether({ table, media, ...chosen }: Options<typeof options>): void {
  if (table.length > 0 && (media !== undefined || chosen.keepPrevious || chosen.dropPrevious))
    throw new UsageError(
      '--table replaces rows of the target in place; leave out --media and --keep-previous, and --drop-previous',
    );
  if (chosen.excludeMedia.length > 0 && media === undefined)
    throw new UsageError(
      '--exclude-media is about media, and none are restored: give --media DIR, or leave it out',
    );
}

function inputOf(chosen: Options<typeof options>): z.input<typeof RestoreOptions> {
  return {
    ...restoreInput(chosen),
    backup: chosen.backup,
    tables: [...chosen.table],
    excludeMedia: [...chosen.excludeMedia],
    jobs: chosen.jobs,
  };
}

/** Options as the input of the Restore machine. */
export function restoreInput(chosen: Options<typeof restoreChoices>): z.input<typeof RestoreOptions> {
  return {
    keepPrevious: chosen.keepPrevious,
    dropPrevious: chosen.dropPrevious,
    invalidateCache: chosen.invalidateCache !== undefined || chosen.invalidateCommand !== undefined,
    drainBroker: chosen.drainBroker,
    afterRestore: chosen.afterRestore !== undefined,
    ...(chosen.afterRestoreTimeout !== undefined && { afterRestoreSeconds: chosen.afterRestoreTimeout }),
    allowOlderCode: chosen.allowOlderCode,
    ignoreDiskSpace: chosen.ignoreDiskSpace,
  };
}

/** Where a restore goes, for its report. */
export function targetOf({ target }: LocalSurroundings): string {
  return target ? describeAddress(target.address) : '';
}
