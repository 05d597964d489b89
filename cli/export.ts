import { mkdir } from 'node:fs/promises';
import { DirectoryUnusable } from '../functions/archive/errors.ts';
import { type ExportedFile, exportBackup } from '../functions/archive/export-files.ts';
import { latestBackup } from '../functions/archive/list-backups.ts';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { openStore } from '../functions/store/open-store.ts';
import { backupChoice, withFreeId } from './backup-chosen.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { printResult } from './report/print-result.ts';
import { bytes } from './text/quantities.ts';
import { tableLines } from './text/table.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = {
  ...backupChoice,
  to: option.to,
  force: option.force,
  json: option.json,
  quiet: option.quiet,
};

export interface ExportOutcome {
  readonly backupId: string;
  readonly files: readonly ExportedFile[];
}

export const exportVerb: Verb = {
  name: 'export',
  summary: 'Write a backup as the files of the manual procedure: SQL dump and media archive',
  usage: '[ID|latest] --store s3://BUCKET/PREFIX --to DIR [--force]',
  details: ['Writes nautobot.sql, nautobot_schema.sql and nautobot_media.tar.gz, for psql and tar.'],
  options,
  async run(written, io) {
    const chosen = validateOptions(options, withFreeId(written), io.environment);
    const outcome = await exportFiles(chosen, io);
    const columns = [{ title: '' }, { title: '', right: true }];
    const files = outcome.files.map(({ path, size }) => [`  ${path}`, bytes(size)]);
    const lines = [`Backup ${outcome.backupId} written to`, ...tableLines(columns, files)];
    printResult(io, chosen, { export: outcome }, lines);
    return 0;
  },
};

/** @throws BackupUnknown, NoBackupYet, ManifestTooNew, DamagedBackup, FileExists, DirectoryUnusable */
export async function exportFiles(given: OptionsInput<typeof options>, io: Io): Promise<ExportOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  const store = openStore(chosen.store, { signal: io.signal });
  const backupId = chosen.backup === 'latest' ? await latestBackup(store) : chosen.backup;
  const manifest = await readManifest(store, backupId);
  await mkdir(chosen.to, { recursive: true }).catch((cause: Error) => {
    throw new DirectoryUnusable(`--to: ${chosen.to} can't be made: ${cause.message}`, { cause });
  });
  const display = new RunDisplay(io, chosen.quiet);
  try {
    display.stateEntered('export', backupId);
    const files = await exportBackup(store, manifest, chosen.to, {
      force: chosen.force,
      progress: display,
      signal: io.signal,
    });
    return { backupId, files };
  } finally {
    display.end();
  }
}
