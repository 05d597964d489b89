import { pack } from 'tar-stream';
import type { TablePlan } from '../../functions/archive/assemble-database.ts';
import { copyEnd, copyStatement } from '../../functions/archive/copy-lines.ts';
import type { PageRange } from '../../functions/archive/manifest.ts';
import type { SealFacts, SealInput } from '../../functions/archive/seal.ts';
import type { DefinitionsResult, MediaResult, RowsResult } from '../../functions/archive/shard-result.ts';
import { openWorkingObject } from '../../functions/archive/working-object.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { collect } from '../store/bytes.ts';

/** A table with the rows that each of its chunks has. */
interface SampleTable extends Omit<TablePlan, 'chunks'> {
  readonly chunks: readonly {
    readonly shard: number;
    readonly pages: PageRange | null;
    readonly rows: readonly string[];
  }[];
}

const rowsOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `${from + index}\tname ${from + index}\t\\N\n`);

const plain = { content: 'rows', loadThrough: null, relationPages: null } as const;

/** Small tables, an empty one, one without columns, one over three shards, odd names, one whose rows are left out. */
export const sampleTables: readonly SampleTable[] = [
  {
    ...plain,
    schema: 'public',
    name: 'empty',
    columns: ['id'],
    chunks: [{ shard: 1, pages: null, rows: [] }],
  },
  {
    ...plain,
    schema: 'public',
    name: 'no columns',
    columns: [],
    chunks: [{ shard: 1, pages: null, rows: ['\n', '\n', '\n'] }],
  },
  {
    ...plain,
    schema: 'public',
    name: 'big',
    columns: ['id', 'Name', 'no"te'],
    relationPages: 300,
    chunks: [
      { shard: 1, pages: { from: 0, to: 100 }, rows: rowsOf(0, 2000) },
      { shard: 2, pages: { from: 100, to: 200 }, rows: [] },
      { shard: 3, pages: { from: 200, to: null }, rows: rowsOf(2000, 500) },
    ],
  },
  {
    ...plain,
    schema: 'my "schema"',
    name: 'Straße\nb',
    columns: ['ключ'],
    chunks: [{ shard: 3, pages: null, rows: ['ä\\tb\n'] }],
  },
  { ...plain, schema: 'public', name: 'left_out', columns: ['id'], content: 'definition', chunks: [] },
  {
    ...plain,
    schema: 'public',
    name: 'last',
    columns: ['id'],
    chunks: [{ shard: 4, pages: null, rows: ['1\n'] }],
  },
];

export const samplePreData = 'SET client_encoding = \'UTF8\';\nCREATE TABLE "public"."empty" (id int);\n';
export const samplePostData = 'ALTER TABLE ONLY "public"."empty" ADD PRIMARY KEY (id);\n';
export const sampleSequences = `SELECT pg_catalog.setval('"public"."s"', 7, true);\n`;

/** What `zstd -dc database.sql.zst` must print. */
export function sampleText(): string {
  const tables = sampleTables
    .filter(({ content }) => content === 'rows')
    .map(({ schema, name, columns, chunks }) => {
      const rows = chunks.flatMap((chunk) => chunk.rows).join('');
      return `${copyStatement(schema, name, columns)}${rows}${copyEnd}`;
    });
  return `${samplePreData}${tables.join('')}${sampleSequences}${samplePostData}`;
}

export const sampleFiles = {
  './': undefined,
  'devices/': undefined,
  'devices/a name that is far longer than the hundred bytes that a tar header has room for, so it takes a record of its own.txt':
    'long',
  'devices/photo.jpg': 'x'.repeat(100_000),
  'empty/': undefined,
  'notes.txt': 'notes\n',
} as const;

/** Writes what a run leaves before it is sealed. */
export async function sampleRun(store: ObjectStore, backupId: string, media = true): Promise<SealInput> {
  const at = (name: string) => `runs/${backupId}/round-1/${name}`;
  return {
    backupId,
    scratchKey: at('seal/tar-end'),
    definitions: {
      preData: await definitions(store, at('pre-data'), samplePreData),
      sequences: await definitions(store, at('sequences'), sampleSequences),
      postData: await definitions(store, at('post-data'), samplePostData),
      roles: ['reader'],
      notes: [],
    },
    schemaSql: Buffer.from(`${samplePreData}${samplePostData}`),
    tables: sampleTables.map((table) => ({
      ...table,
      chunks: table.chunks.map(({ shard, pages }) => ({ shard, pages })),
    })),
    rows: await Promise.all([1, 2, 3, 4].map((shard) => rowsShard(store, at(`rows-${shard}`), shard))),
    media: media
      ? {
          shards: [1, 2],
          results: [
            await mediaShard(store, at('media-1'), 1, Object.entries(sampleFiles).slice(0, 4)),
            await mediaShard(store, at('media-2'), 2, Object.entries(sampleFiles).slice(4)),
          ],
        }
      : 'no media directory was given',
    facts: sampleFacts,
  };
}

async function definitions(store: ObjectStore, key: string, text: string): Promise<DefinitionsResult> {
  await using object = openWorkingObject(store, key);
  object.beginChunk();
  await object.append(Buffer.from(text));
  const { rows: _, ...section } = await object.endChunk();
  return { kind: 'definitions', ...(await object.finish()), section };
}

async function rowsShard(store: ObjectStore, key: string, shard: number): Promise<RowsResult> {
  await using object = openWorkingObject(store, key, { blockBytes: 10_000 });
  const chunks: RowsResult['chunks'] = [];
  for (const table of sampleTables) {
    for (const [index, { pages, rows }] of table.chunks.filter((chunk) => chunk.shard === shard).entries()) {
      const place = table.chunks.findIndex((chunk) => chunk.shard === shard) + index;
      if (place === 0) await object.write(copyStatement(table.schema, table.name, table.columns));
      object.beginChunk();
      for (const row of rows) await object.append(Buffer.from(row), 1);
      chunks.push({ ...(await object.endChunk()), schema: table.schema, name: table.name, pages });
      if (place === table.chunks.length - 1) await object.write(copyEnd);
    }
  }
  return { kind: 'rows', shard, leg: 1, rest: null, ...(await object.finish()), chunks };
}

async function mediaShard(
  store: ObjectStore,
  key: string,
  shard: number,
  entries: [name: string, content: string | undefined][],
): Promise<MediaResult> {
  const archive = pack();
  for (const [name, content] of entries) {
    if (content === undefined) archive.entry({ name, type: 'directory' });
    else archive.entry({ name }, content);
  }
  archive.finalize();
  const whole = await collect(archive as unknown as AsyncIterable<Buffer>);
  await using object = openWorkingObject(store, key, { blockBytes: 20_000 });
  object.beginChunk();
  // The library ends every archive; here only the last one is to have an end.
  const members = whole.subarray(0, whole.length - 1024);
  for (let at = 0; at < members.length; at += 512) await object.append(members.subarray(at, at + 512));
  const { rows: _, ...section } = await object.endChunk();
  const files = entries.filter(([, content]) => content !== undefined);
  return {
    kind: 'media',
    shard,
    ...(await object.finish()),
    chunk: { ...section, members: entries.length },
    files: files.length,
    directories: entries.length - files.length,
    links: 0,
    bytes: files.reduce((sum, [, content]) => sum + (content?.length ?? 0), 0),
    notes: [],
  };
}

const sampleFacts: SealFacts = {
  tool: { name: 'nautobot-replicator', version: '0.0.0' },
  startedAt: '2026-11-23T05:43:00.000Z',
  snapshotAt: '2026-11-23T05:43:02.000Z',
  source: {
    serverVersion: '18.1',
    serverVersionNum: 180001,
    host: 'db',
    port: 5432,
    database: 'nautobot',
    databaseOid: 16384,
    systemIdentifier: null,
    standby: false,
    encoding: 'UTF8',
    localeProvider: 'libc',
    collate: 'C',
    ctype: 'C',
    locale: null,
    collationVersion: null,
    extensions: [],
    migrations: { dcim: '0001_initial', '7': 'numbers sort first' },
  },
  snapshot: { text: '10:10:', walPosition: '0/1' },
  settings: {
    excludeTableData: ['left_out'],
    excludeTables: [],
    schemaOnly: false,
    shardBytes: 1024,
    compression: { level: 1, blockBytes: 4194304 },
  },
  tablesLeftOut: [],
  sequences: [{ schema: 'public', name: 's', lastValue: '7', isCalled: true, ownedBy: null }],
};
