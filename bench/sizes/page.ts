import { bytes, count, duration } from '../../cli/text/quantities.ts';
import { costOfRun } from '../../functions/estimate/cost.ts';
import { memoryOf } from '../../functions/estimate/handler-memory.ts';
import { type Prices, pricesOf } from '../../functions/estimate/prices.ts';
import { rates, nautobotRatios as ratios } from '../../functions/estimate/rates.ts';
import type { RunEstimate } from '../../functions/estimate/run-tally.ts';
import { largestState } from '../../local/limits.ts';
import { nautobotOf } from './nautobot-of.ts';
import { type Simulation, simulate } from './simulate.ts';

interface Size {
  readonly name: string;
  readonly bytes: number;
  readonly jobs: number;
  readonly tables: number;
}

const shardBytes = 256 * 1024 * 1024;

const sizes: readonly Size[] = [
  { name: '10 GB', bytes: 1e10, jobs: 8, tables: 229 },
  { name: '100 GB', bytes: 1e11, jobs: 16, tables: 229 },
  { name: '1 TB', bytes: 1e12, jobs: 32, tables: 229 },
  { name: '10 TB', bytes: 1e13, jobs: 64, tables: 229 },
  { name: '10 TB, 100,000 tables', bytes: 1e13, jobs: 64, tables: 100_000 },
];

/** The text of docs/sizes.md. */
export async function sizesPage(): Promise<string> {
  const prices = pricesOf('us-east-1');
  if (!prices) throw new Error('there are no prices of us-east-1');
  const runs: { size: Size; run: Simulation }[] = [];
  for (const size of sizes)
    runs.push({ size, run: await simulate(nautobotOf(size), { jobs: size.jobs, shardBytes }) });
  return [
    ...introduction,
    '## Backup',
    '',
    ...table(
      [
        'database',
        'workers',
        'shards',
        ...common,
        'in S3',
        'parts',
        'manifest',
        'largest state',
        'a run costs',
      ],
      runs.map(({ size, run: { backup } }) => [
        size.name,
        count(size.jobs),
        count(backup.shards),
        ...figures(backup),
        bytes(backup.storedBytes),
        count(backup.parts),
        bytes(backup.manifestBytes),
        bytes(backup.largestState.bytes),
        money(backup, prices),
      ]),
    ),
    '',
    '## Restore',
    '',
    ...table(
      ['database', 'workers', 'shards', ...common, 'largest state', 'a run costs'],
      runs.map(({ size, run: { restore } }) => [
        size.name,
        count(size.jobs),
        count(restore.shards),
        ...figures(restore),
        bytes(restore.largestState.bytes),
        money(restore, prices),
      ]),
    ),
    '',
    ...legend(prices),
    '## Where the time goes',
    '',
    'Seconds of all invocations of a handler, and how many invocations these are.',
    '',
    ...handlersTable(runs.map(({ size, run }) => ({ name: size.name, run }))),
    '',
    ...assumptions(),
  ].join('\n');
}

const introduction = [
  '# Sizes',
  '',
  'What a backup and a restore take on AWS, from a database of 10 GB to one of 10 TB. These are figures of a model, not',
  'measurements: the state machines run as they are synthesised, on the local runner, over a modelled database and store.',
  'Plans, records, sealing and manifest are real; handlers that would read or write rows say how long that would take, and a',
  'virtual clock adds it up. `replicator estimate` computes the same for a database of yours.',
  '',
  `The run also shows what is no estimate: that the input and output of every state stay below ${count(largestState)} bytes, that no`,
  'execution has more than 20,000 events, that a handler which outlasts its 15 minutes is one that the machine enters again,',
  "and that a file is put together within S3's 10,000 parts.",
  '',
  '`npm run sizes` writes this page; a test holds it and the code together.',
  '',
];

const common = ['time', 'invocations', 'GB-seconds', 'state transitions', 'S3 requests (PUT, GET)'];

function figures(run: RunEstimate): string[] {
  return [
    duration(run.seconds * 1000),
    count(run.invocations),
    count(run.gbSeconds),
    count(run.transitions),
    `${count(run.requests.puts)}, ${count(run.requests.gets)}`,
  ];
}

function money(run: RunEstimate, prices: Prices): string {
  const { total } = costOfRun(run, prices);
  return `$${total.toFixed(total < 1 ? 3 : 2)}`;
}

function legend({ region, asOf }: Prices): string[] {
  return [
    '*Database*: heap and TOAST of all tables, indexes not counted. *Workers*: `--jobs`. *Time*: from start to end, with no',
    'other run waiting. *Parts*: of the multipart upload that `database.sql.zst` is put together by. *Largest state*: the',
    `longest input or output of a handler. *Cost*: Lambda (arm64), Step Functions and S3 requests at the list prices of ${region}`,
    `(${asOf}), without free tiers; storage, network (NAT gateways, VPC endpoints) and what the databases are charged come on top.`,
    '',
  ];
}

/** Handlers that take more than a minute in the largest run. */
const worthShowing = 60;

function handlersTable(runs: readonly { name: string; run: Simulation }[]): string[] {
  const all = runs.map(({ name, run }) => ({
    name,
    handlers: new Map(
      [...run.backup.handlers, ...run.restore.handlers].map((each) => [each.handler, each] as const),
    ),
  }));
  const names = [...(all.at(-1)?.handlers.values() ?? [])]
    .filter(({ handler }) => all.some(({ handlers }) => (handlers.get(handler)?.seconds ?? 0) > worthShowing))
    .map(({ handler }) => handler);
  return table(
    ['handler', 'MiB', ...all.map(({ name }) => name)],
    names.map((name) => [
      name,
      count(memoryOf(name)),
      ...all.map(({ handlers }) => {
        const { seconds = 0, invocations = 0 } = handlers.get(name) ?? {};
        return `${count(seconds)} (${count(invocations)})`;
      }),
    ]),
  );
}

function assumptions(): string[] {
  const perSecond = (rate: number) => `${count(rate / 1e6)} MB/s`;
  return [
    '## What is assumed',
    '',
    'The database: a Nautobot of years. The change log has 85 % of the bytes, four fifths of it in TOAST, with 8 indexes and 3',
    "foreign keys; jobs' log entries have 5 %, all other tables together 10 %, each less than the one before, with 6 indexes and",
    '4 foreign keys. Media: 1 % on top, files of 200 kB. Nothing is excluded, though most people leave the change log out.',
    'Shards of 256 MiB where that gives no more than 2,500 of them. No retries, and nothing to sanitise.',
    '',
    ...table(
      ['what', 'assumed', 'from'],
      [
        [
          'text of rows',
          `${ratios.textOfHeap} byte for a byte of heap, ${ratios.textOfToast} for one of TOAST`,
          '1.5 GB of tables gave 3.0 GB',
        ],
        [
          'compressed',
          `${percent(ratios.storedOfHeapText)} of the text from the heap, ${percent(ratios.storedOfToastText)} of that from TOAST`,
          '3.0 GB gave 206 MB at zstd level 3',
        ],
        [
          'reading rows (CopyShard)',
          `${perSecond(rates.copyTextPerSecond)} of text a worker`,
          'one vCPU compresses more, one connection gives 136 to 150',
        ],
        [
          'loading rows (LoadShard)',
          `${perSecond(rates.loadTextPerSecond)} of text a connection`,
          '54 with pglz and 75 to 94 with lz4 on two cores; less with WAL and network storage',
        ],
        [
          'an index (BuildIndexes)',
          `${perSecond(rates.indexHeapPerSecond)} of heap a session`,
          'not measured',
        ],
        [
          'a foreign key (AddConstraints)',
          `${perSecond(rates.validateHeapPerSecond)} of heap a session`,
          'not measured',
        ],
        [
          'counting (VerifyRestore)',
          `${perSecond(rates.countHeapPerSecond)} of heap a session`,
          'not measured',
        ],
        [
          'media',
          `${perSecond(rates.mediaPerSecond)} a worker and ${rates.mediaFileSeconds * 1000} ms a file`,
          'not measured',
        ],
        [
          'sealing (SealBackup)',
          `${perSecond(rates.sealPartPerSecond)} a part, ${rates.sealPartsAtOnce} at once, copied inside S3`,
          'not measured',
        ],
        [
          'a start',
          `${rates.invocationSeconds} s an invocation, ${rates.childSeconds} s a child of a fan-out, ${rates.transitionSeconds * 1000} ms between states`,
          '',
        ],
      ],
    ),
    '',
    'The database servers are taken to keep up with that many workers: a core for each, and storage to match. Where they do',
    'not, runs take longer and cost more Lambda seconds, and the other columns stay as they are.',
    '',
    'One session builds one index: from a terabyte on, the time of a restore is that of the largest table, and more workers',
    'do not shorten it. Leaving out the rows of the change log (`--exclude-table-data extras_objectchange`) takes most of it away.',
    '',
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
