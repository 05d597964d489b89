import { latestBackup } from '../functions/archive/list-backups.ts';
import type { Manifest } from '../functions/archive/manifest.ts';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { backupKey } from '../functions/run/keys.ts';
import { openStore } from '../functions/store/open-store.ts';
import { backupChoice, withFreeId } from './backup-chosen.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { printResult } from './report/print-result.ts';
import { showLines } from './report/show-report.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = { ...backupChoice, json: option.json };

export const showVerb: Verb = {
  name: 'show',
  summary: 'Show what one backup holds, table by table',
  usage: '[ID|latest] --store s3://BUCKET/PREFIX [--json]',
  details: ['With --json the whole manifest is printed under `manifest`.'],
  options,
  async run(written, io) {
    const chosen = validateOptions(options, withFreeId(written), io.environment);
    const shown = await show(chosen, io);
    printResult(io, chosen, { backup: shown }, showLines(shown.manifest, shown.uri));
    return 0;
  },
};

/** @throws BackupUnknown, NoBackupYet, ManifestTooNew, DamagedBackup */
export async function show(
  given: OptionsInput<typeof options>,
  io: Io,
): Promise<{ uri: string; manifest: Manifest }> {
  const chosen = validateOptions(options, given, io.environment);
  const store = openStore(chosen.store, { signal: io.signal });
  const backupId = chosen.backup === 'latest' ? await latestBackup(store) : chosen.backup;
  return { uri: store.uri(backupKey(backupId, '')), manifest: await readManifest(store, backupId) };
}
