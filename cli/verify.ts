import { latestBackup } from '../functions/archive/list-backups.ts';
import { type VerifyReport, verifyBackup } from '../functions/archive/verify.ts';
import { backupKey } from '../functions/run/keys.ts';
import { openStore } from '../functions/store/open-store.ts';
import { backupChoice, withFreeId } from './backup-chosen.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { printResult } from './report/print-result.ts';
import { verifyLines } from './report/verify-report.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = { ...backupChoice, json: option.json, quiet: option.quiet };

/** A report with its place, for people and scripts. */
export interface VerifyOutcome extends VerifyReport {
  readonly uri: string;
}

const damaged = 4;

export const verifyVerb: Verb = {
  name: 'verify',
  summary: 'Read a backup back, every byte of it, and compare it with its manifest',
  usage: '[ID|latest] --store s3://BUCKET/PREFIX [--json]',
  details: ['Checks every frame, checksum and row count. Problems are listed, and the exit code is 4.'],
  options,
  async run(written, io) {
    const chosen = validateOptions(options, withFreeId(written), io.environment);
    const outcome = await verify(chosen, io);
    // Problems are told even with --quiet
    printResult(
      io,
      { ...chosen, quiet: chosen.quiet && outcome.ok },
      { verify: outcome },
      verifyLines(outcome),
    );
    return outcome.ok ? 0 : damaged;
  },
};

/** @throws BackupUnknown, NoBackupYet, ManifestTooNew, DamagedBackup (of the manifest itself) */
export async function verify(given: OptionsInput<typeof options>, io: Io): Promise<VerifyOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  const store = openStore(chosen.store, { signal: io.signal });
  const backupId = chosen.backup === 'latest' ? await latestBackup(store) : chosen.backup;
  const display = new RunDisplay(io, chosen.quiet);
  try {
    display.stateEntered('verify', backupId);
    const report = await verifyBackup(store, backupId, display, io.signal);
    return { ...report, uri: store.uri(backupKey(report.backupId, '')) };
  } finally {
    display.end();
  }
}
