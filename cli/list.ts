import { listBackups } from '../functions/archive/list-backups.ts';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { ReplicatorError } from '../functions/errors/replicator-error.ts';
import { backupKey } from '../functions/run/keys.ts';
import type { ObjectStore } from '../functions/store/object-store.ts';
import { openStore } from '../functions/store/open-store.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { type ListedBackup, listLines } from './report/list-report.ts';
import { printResult } from './report/print-result.ts';
import { summarise } from './report/summary.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = { store: option.store, json: option.json };

export const listVerb: Verb = {
  name: 'list',
  summary: 'List the backups of a store, oldest first',
  usage: '--store s3://BUCKET/PREFIX [--json]',
  details: ['Only what has a manifest is a backup; whatever else lies in the store is not shown.'],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 0);
    const chosen = validateOptions(options, written.values, io.environment);
    const backups = await list(chosen, io);
    printResult(io, chosen, { backups }, listLines(backups, chosen.store));
    return 0;
  },
};

const atOnce = 8;

/** Every backup of the store, oldest first. One whose manifest can't be used is listed with the reason. */
export async function list(given: OptionsInput<typeof options>, io: Io): Promise<ListedBackup[]> {
  const chosen = validateOptions(options, given, io.environment);
  const store = openStore(chosen.store, { signal: io.signal });
  const ids = (await listBackups(store)).sort();
  const listed: ListedBackup[] = [];
  for (let from = 0; from < ids.length; from += atOnce)
    listed.push(...(await Promise.all(ids.slice(from, from + atOnce).map((id) => lookAt(store, id)))));
  return listed;
}

async function lookAt(store: ObjectStore, backupId: string): Promise<ListedBackup> {
  const uri = store.uri(backupKey(backupId, ''));
  try {
    return summarise(await readManifest(store, backupId), uri);
  } catch (error) {
    if (!(error instanceof ReplicatorError) || !/^(DamagedBackup|ManifestTooNew)$/.test(error.code))
      throw error;
    return { backupId, uri, problem: { code: error.code, message: error.message } };
  }
}
