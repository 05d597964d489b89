import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { listBackups } from '../functions/archive/list-backups.ts';
import type { Manifest } from '../functions/archive/manifest.ts';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { costOfMonth, costOfRun } from '../functions/estimate/cost.ts';
import type { DatabaseShape } from '../functions/estimate/database-shape.ts';
import { estimateBackup, type RunOptions } from '../functions/estimate/estimate-backup.ts';
import { estimateRestore } from '../functions/estimate/estimate-restore.ts';
import { Prices, pricesOf } from '../functions/estimate/prices.ts';
import { nautobotRatios } from '../functions/estimate/rates.ts';
import { ratiosOfBackup } from '../functions/estimate/ratios-of-backup.ts';
import { readMediaShape, readShape } from '../functions/estimate/read-shape.ts';
import { tablesTooLong } from '../functions/estimate/tables-too-long.ts';
import { openDatabase } from '../functions/postgres/database.ts';
import { openStore } from '../functions/store/open-store.ts';
import { backupChoices } from './backup.ts';
import * as own from './estimate-options.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { type Estimate, estimateLines } from './report/estimate-report.ts';
import { printResult } from './report/print-result.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const { excludeTableData, excludeTable, schemaOnly, jobs, shardSize } = backupChoices;

const options = {
  source: option.source,
  media: option.sourceMedia,
  store: own.storeToCompare,
  excludeTableData,
  excludeTable,
  schemaOnly,
  jobs,
  shardSize,
  backupsAMonth: own.backupsAMonth,
  restoresAMonth: own.restoresAMonth,
  keep: own.keep,
  network: own.network,
  zones: own.zones,
  region: own.region,
  prices: own.prices,
  json: option.json,
};

export const estimateVerb: Verb = {
  name: 'estimate',
  summary: 'Estimate size, time and AWS cost of backups and restores',
  usage: '--source URL [--media DIR] [--jobs N] [options]',
  details: [
    'Reads the sizes of tables and files, and no row. Nothing is written. Times and costs follow from a model (docs/sizes.md); real ones differ.',
  ],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 0);
    const chosen = validateOptions(options, written.values, io.environment);
    const estimated = await estimate(chosen, io);
    printResult(io, chosen, { estimate: estimated }, estimateLines(estimated));
    return 0;
  },
};

/**
 * What backups and restores of a source would take and cost.
 * @throws UsageError for a file of prices that can't be used, and what connecting and reading sizes throw
 */
export async function estimate(given: OptionsInput<typeof options>, io: Io): Promise<Estimate> {
  const chosen = validateOptions(options, given, io.environment);
  const { region, keep, backupsAMonth, restoresAMonth, network, zones } = chosen;
  const prices = chosen.prices === undefined ? undefined : await readPrices(chosen.prices);
  const database = await openDatabase(chosen.source, '--source');
  const leaveOut = {
    excludeTables: chosen.excludeTable,
    excludeTableData: chosen.excludeTableData,
    schemaOnly: chosen.schemaOnly,
  };
  const { source, tables, definitionOnly } = await readShape(database, leaveOut, io.signal);
  const media = chosen.media === undefined ? null : await readMediaShape(chosen.media, io.signal);
  const newest = chosen.store === undefined ? undefined : await newestBackup(chosen.store, io.signal);
  const ratios = newest && ratiosOfBackup(newest, tables);
  const shape: DatabaseShape = { tables, definitionOnly, media, ratios: ratios ?? nautobotRatios };
  const how: RunOptions = {
    jobs: chosen.jobs,
    shardBytes: chosen.shardSize,
    serverVersion: source.serverVersionNum,
  };
  const counted = prices ?? pricesOf(region) ?? pricesOf('us-east-1');
  if (!counted) throw new TypeError('there are no prices of us-east-1');
  const backup = estimateBackup(shape, how);
  const restore = estimateRestore(shape, how);
  const cost = { backup: costOfRun(backup, counted), restore: costOfRun(restore, counted) };
  const month = { backups: backupsAMonth, restores: restoresAMonth, kept: keep, network, zones };
  return {
    source: {
      host: source.host,
      port: source.port,
      database: source.database,
      serverVersion: source.serverVersion,
    },
    tables: tables.length,
    tableBytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    definitionOnly,
    media,
    jobs: how.jobs,
    shardBytes: how.shardBytes,
    ratiosFrom: ratios && newest ? newest.backupId : null,
    backup: { ...backup, cost: cost.backup },
    restore: { ...restore, cost: cost.restore },
    month: {
      ...month,
      cost: costOfMonth(month, { ...cost, storedBytes: backup.storedBytes }, counted),
    },
    prices: counted,
    notes: [
      ...tablesTooLong(shape, how.serverVersion).map(tooLongNote),
      ...notesOf({
        region,
        ownPrices: prices !== undefined,
        prices: counted,
        newest,
        ratios: ratios !== undefined,
      }),
    ],
  };
}

async function newestBackup(uri: string, signal: AbortSignal): Promise<Manifest | undefined> {
  const store = openStore(uri, { signal });
  const [newest] = await listBackups(store);
  return newest === undefined ? undefined : readManifest(store, newest);
}

/** @throws UsageError */
async function readPrices(file: string): Promise<Prices> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new UsageError(`--prices: ${file} can't be read (${cause.code})`, { cause });
  });
  const parsed = Prices.safeParse(documentIn(text, file));
  if (parsed.success) return parsed.data;
  throw new UsageError(`--prices: ${file} does not fit:\n${z.prettifyError(parsed.error)}`);
}

function documentIn(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`--prices: ${file} is not JSON`, { cause });
  }
}

function tooLongNote({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name} can only be read at one go, which takes longer than a Lambda function lives: leave its rows out, or back up on a machine of your own`;
}

interface Known {
  readonly region: string;
  readonly ownPrices: boolean;
  readonly prices: Prices;
  readonly newest: Manifest | undefined;
  readonly ratios: boolean;
}

function notesOf({ region, ownPrices, prices, newest, ratios }: Known): string[] {
  const elsewhere = !ownPrices && prices.region !== region;
  return [
    ...(elsewhere
      ? [
          `the prices of ${region} are not known here: those of ${prices.region} are taken; give --prices FILE`,
        ]
      : []),
    ...(newest && !ratios
      ? [`backup ${newest.backupId} has too little in common with the database to go by it`]
      : []),
  ];
}
