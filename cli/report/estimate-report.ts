import type { MonthCost, RunCost } from '../../functions/estimate/cost.ts';
import type { MediaShape } from '../../functions/estimate/database-shape.ts';
import type { BackupEstimate } from '../../functions/estimate/estimate-backup.ts';
import type { RestoreEstimate } from '../../functions/estimate/estimate-restore.ts';
import { type NetworkChoice, networkMonth } from '../../functions/estimate/network.ts';
import type { Prices } from '../../functions/estimate/prices.ts';
import { bytes, count, counted, duration } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';

/** What `estimate` finds out; with `--json` as it is. */
export interface Estimate {
  readonly source: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly serverVersion: string;
  };
  /** Those whose rows would be backed up, and the bytes of their heap and TOAST. */
  readonly tables: number;
  readonly tableBytes: number;
  readonly definitionOnly: number;
  readonly media: MediaShape | null;
  readonly jobs: number;
  readonly shardBytes: number;
  /** The backup that says how rows compress; null: as is usual for Nautobot. */
  readonly ratiosFrom: string | null;
  readonly backup: BackupEstimate & { readonly cost: RunCost };
  readonly restore: RestoreEstimate & { readonly cost: RunCost };
  readonly month: {
    readonly backups: number;
    readonly restores: number;
    readonly kept: number;
    readonly network: NetworkChoice;
    readonly zones: number;
    readonly cost: MonthCost;
  };
  readonly prices: Prices;
  readonly notes: readonly string[];
}

const notCounted =
  'Not counted: traffic, logs, EFS and KMS, the databases and the load on them, taxes, free tiers and discounts.';

export function estimateLines(estimate: Estimate): string[] {
  const { source, ratiosFrom, notes } = estimate;
  return [
    `An estimate for ${source.database} on ${source.host}:${source.port} (PostgreSQL ${source.serverVersion})`,
    `  ${contents(estimate)}`,
    `  ${counted(estimate.jobs, 'worker')} on Lambda at once, each with a connection of its own`,
    '',
    ...runLines(estimate),
    '',
    ...monthLines(estimate),
    '',
    ratiosFrom === null
      ? 'How much text tables give, and how well it compresses, is taken from other Nautobot databases (--store: from a backup).'
      : `How much text tables give, and how well it compresses, is taken from backup ${ratiosFrom}.`,
    'Times suppose database servers that keep up with that many workers; the first backup and restore will tell.',
    notCounted,
    ...notes.map((note) => `note: ${note}`),
  ];
}

function contents({ tables, tableBytes, definitionOnly, media, backup }: Estimate): string {
  return [
    `${counted(tables, 'table')} of ${bytes(tableBytes)} (heap and TOAST), about ${bytes(backup.textBytes)} as text`,
    ...(definitionOnly > 0 ? [`${counted(definitionOnly, 'table')} without rows`] : []),
    media ? `media: ${counted(media.files, 'file')}, ${bytes(media.bytes)}` : 'no media',
  ].join('; ');
}

function runLines({ backup, restore, prices }: Estimate): string[] {
  const runs = [backup, restore];
  const row = (title: string, of: (run: (typeof runs)[number]) => string) => [`  ${title}`, ...runs.map(of)];
  return tableLines(
    [{ title: '  A RUN' }, { title: 'BACKUP', right: true }, { title: 'RESTORE', right: true }],
    [
      row('time', ({ seconds }) => duration(seconds * 1000)),
      row("workers' tasks", ({ shards, mediaShards }) => count(shards + mediaShards)),
      row('Lambda invocations', ({ invocations }) => count(invocations)),
      row('Lambda GB-seconds', ({ gbSeconds }) => count(gbSeconds)),
      row('state transitions', ({ transitions }) => count(transitions)),
      row('S3 requests, writing', ({ requests }) => count(requests.puts)),
      row('S3 requests, reading', ({ requests }) => count(requests.gets)),
      ['  stored in S3', bytes(backup.storedBytes), ''],
      row('Lambda', ({ cost }) => money(cost.lambda, prices, runDigits)),
      row('Step Functions', ({ cost }) => money(cost.stepFunctions, prices, runDigits)),
      row('S3 requests', ({ cost }) => money(cost.s3Requests, prices, runDigits)),
      row('together', ({ cost }) => money(cost.total, prices, runDigits)),
    ],
  );
}

function monthLines({ month, prices }: Estimate): string[] {
  const { backups, restores, kept, cost } = month;
  return tableLines(
    [
      { title: '  A MONTH' },
      { title: '', right: true },
      { title: `list prices of ${prices.region}, ${prices.asOf}` },
    ],
    [
      ['  backups', money(cost.backups, prices, monthDigits), counted(backups, 'backup')],
      ['  restores', money(cost.restores, prices, monthDigits), counted(restores, 'restore')],
      [
        '  storage',
        money(cost.storage, prices, monthDigits),
        `${bytes(cost.storedBytes)}, ${counted(kept, 'backup')} kept`,
      ],
      [
        '  network',
        cost.network === null ? '?' : money(cost.network, prices, monthDigits),
        networkText(month, prices),
      ],
      ['  together', money(cost.total, prices, monthDigits), ''],
    ],
  );
}

function networkText({ network, zones }: Estimate['month'], prices: Prices): string {
  const cost = (choice: NetworkChoice) => {
    const amount = networkMonth(choice, zones, prices);
    return amount === undefined ? 'not priced' : money(amount, prices, monthDigits);
  };
  const inZones = `in ${counted(zones, 'zone')}`;
  if (network === 'nat') return `one NAT gateway (endpoints ${inZones}: ${cost('endpoints')})`;
  if (network === 'endpoints') return `two interface endpoints ${inZones} (a NAT gateway: ${cost('nat')})`;
  return `what is there already (a NAT gateway: ${cost('nat')}; endpoints ${inZones}: ${cost('endpoints')})`;
}

/** Of a run fractions of a cent are worth showing, of a month cents. */
const runDigits = 4;
const monthDigits = 2;

function money(amount: number, { currency }: Prices, digits: number): string {
  return `${amount.toFixed(digits)} ${currency}`;
}
