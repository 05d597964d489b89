import { createHash } from 'node:crypto';
import type { SequenceEntry, SourceFacts, TableEntry } from '../../functions/archive/manifest.ts';
import { readPostData } from '../../functions/definitions/post-data.ts';
import type { PostData } from '../../functions/definitions/post-data-groups.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { quoteIdentifier, quoteName } from '../../functions/postgres/quote.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { copySettings } from '../../functions/rows/copy-settings.ts';
import { readRelations } from '../../functions/snapshot/relations.ts';
import { sourceFacts } from '../../functions/snapshot/source-facts.ts';
import { readTables } from '../../functions/snapshot/tables.ts';
import { definitionsOf } from '../definitions/load-definitions.ts';

/** What a restore reads from a backup, held in memory. */
export interface SourceContents {
  readonly facts: SourceFacts;
  readonly roles: readonly string[];
  readonly preData: string;
  readonly postData: PostData;
  readonly tables: readonly TableEntry[];
  readonly sequences: readonly SequenceEntry[];
  /** COPY text of one chunk. */
  rows(entry: TableEntry, chunkIndex: number): AsyncIterable<Buffer>;
}

export async function readSource(
  url: string,
  options: {
    readonly chunksOf?: Readonly<Record<string, number>>;
    readonly withoutRows?: readonly string[];
  } = {},
): Promise<SourceContents> {
  const definitions = await definitionsOf(url);
  const database = await openDatabase(url);
  const session = await database.connect({ applicationName: 'test source', settings: copySettings });
  try {
    const relations = await readRelations(session);
    const wanted = relations.filter(
      ({ kind, extension }) => kind === 'table' && extension?.condition !== null,
    );
    const texts = new Map<string, Buffer[]>();
    const tables: TableEntry[] = [];
    for (const table of await readTables(session, wanted, relations)) {
      const name = `${table.schema}.${table.name}`;
      const left = options.withoutRows?.includes(name) ?? false;
      const lines = left ? [] : await copyLines(session, table);
      const parts = options.chunksOf?.[name] ?? (lines.length === 0 ? 0 : 1);
      const chunks = Array.from({ length: parts }, (_, part) => {
        const from = Math.floor((lines.length * part) / parts);
        return lines.slice(from, Math.floor((lines.length * (part + 1)) / parts));
      });
      const buffers = chunks.map((chunk) => Buffer.concat(chunk));
      texts.set(name, buffers);
      tables.push({
        schema: table.schema,
        name: table.name,
        columns: table.columns,
        rows: lines.length,
        rawBytes: lines.reduce((sum, line) => sum + line.length, 0),
        content: left ? 'definition' : 'rows',
        loadThrough: table.loadThrough,
        chunks: buffers.map((bytes, index) => ({
          offset: 0,
          length: bytes.length,
          frames: 1,
          rawBytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          rows: chunks[index]?.length ?? 0,
          pages: null,
        })),
      });
    }
    return {
      facts: await sourceFacts(session, database.address),
      roles: definitions.roles,
      preData: definitions.preData,
      postData: await readPostData(definitions.postData),
      tables,
      sequences: await sequencesOf(session),
      async *rows(entry, chunkIndex) {
        const bytes = texts.get(`${entry.schema}.${entry.name}`)?.[chunkIndex] ?? Buffer.alloc(0);
        for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
      },
    };
  } finally {
    await session.end();
  }
}

async function copyLines(
  session: Session,
  table: { schema: string; name: string; columns: readonly string[]; condition: string | null },
): Promise<Buffer[]> {
  const columns = table.columns.map(quoteIdentifier).join(', ');
  const from = `SELECT ${columns} FROM ONLY ${quoteName(table.schema, table.name)} ${table.condition ?? ''}`;
  const slices: Buffer[] = [];
  for await (const slice of session.copyOut(`COPY (${from}) TO STDOUT`)) slices.push(Buffer.from(slice));
  const all = Buffer.concat(slices);
  const lines: Buffer[] = [];
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf(10, at) + 1;
    lines.push(all.subarray(at, end));
    at = end;
  }
  return lines;
}

async function sequencesOf(session: Session): Promise<SequenceEntry[]> {
  const rows = await session.query<{
    schema: string;
    name: string;
    owner: { schema: string; table: string; column: string } | null;
  }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            (SELECT json_build_object('schema', tn.nspname, 'table', t.relname, 'column', a.attname)
               FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
              WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')) AS owner
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' ORDER BY 1, 2`,
  );
  const entries: SequenceEntry[] = [];
  for (const { schema, name, owner } of rows) {
    const [value] = await session.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${quoteName(schema, name)}`,
    );
    entries.push({
      schema,
      name,
      lastValue: value?.value ?? '1',
      isCalled: value?.called ?? false,
      ownedBy: owner,
    });
  }
  return entries;
}
