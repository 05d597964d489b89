import { copyEnd, copyStatement } from '../archive/copy-lines.ts';
import type { RowsResult } from '../archive/shard-result.ts';
import type { WorkingObjectFacts, WrittenChunk } from '../archive/working-object.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { Progress } from '../run/progress.ts';
import type { RunId } from '../run/run-id.ts';
import { joinSnapshot } from '../snapshot/import-snapshot.ts';
import { seesSnapshot } from '../snapshot/snapshot-session.ts';
import { clientEncoding, copySettings } from './copy-settings.ts';
import { RowsIncomplete } from './errors.ts';
import type { PlannedChunk, ShardPlan } from './shard-plan.ts';
import { takeWholeRows } from './whole-rows.ts';

/** Where the rows go: what a shard needs of a working object. */
export interface RowsObject {
  write(text: string): Promise<void>;
  beginChunk(): void;
  append(rows: Buffer, rowCount: number): Promise<void>;
  endChunk(): Promise<WrittenChunk>;
  finish(): Promise<WorkingObjectFacts>;
  abort(reason?: unknown): Promise<void>;
}

export interface CopyShardOptions {
  readonly database: Database;
  readonly backupId: RunId;
  readonly round: number;
  /** Of the snapshot, as OpenSnapshot returned it. */
  readonly text: string;
  /** Of the source database: `UTF8`. */
  readonly encoding: string;
  readonly plan: ShardPlan;
  /** Finished here; removed when anything fails. */
  readonly object: RowsObject;
  readonly progress: Progress;
  readonly lockWaitSeconds?: number;
  /** Seconds that one COPY of a large table should take; 5 by default. */
  readonly stepSeconds?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads the rows of one shard, as of the snapshot, into a working object.
 * @throws SnapshotLost, TableLocked (the backup starts over), RowsIncomplete, ConnectionLost, StatementFailed
 */
export async function copyShard(options: CopyShardOptions): Promise<RowsResult> {
  const { database, plan, object, signal } = options;
  try {
    await using joined = await open(database, options);
    const chunks: RowsResult['chunks'] = [];
    for (const chunk of plan.chunks) {
      signal?.throwIfAborted();
      chunks.push(await copyChunk(joined.session, chunk, options));
    }
    await checkSameSnapshot(joined.session, options.text);
    return { kind: 'rows', shard: plan.shard, chunks, ...(await object.finish()) };
  } catch (error) {
    await object.abort(error);
    throw error;
  }
}

async function open(database: Database, options: CopyShardOptions) {
  const { backupId, round, text, plan, encoding, lockWaitSeconds, signal } = options;
  const session = await joinSnapshot(database, {
    backupId,
    round,
    text,
    name: `w${plan.shard}`,
    lock: plan.chunks,
    settings: copySettings,
    ...(lockWaitSeconds === undefined ? {} : { lockWaitSeconds }),
    ...(signal ? { signal } : {}),
  });
  // The driver's own wish at start-up goes before every setting, so that this one is made afterwards
  if (clientEncoding(encoding) !== 'UTF8')
    await session.execute(`SET client_encoding = ${clientEncoding(encoding)}`);
  return { session, [Symbol.asyncDispose]: () => session.end() };
}

async function copyChunk(
  session: Session,
  chunk: PlannedChunk,
  { object, progress, stepSeconds = 5 }: CopyShardOptions,
): Promise<RowsResult['chunks'][number]> {
  const into = chunk.loadThrough ?? chunk;
  if (chunk.first) await object.write(copyStatement(into.schema, into.name, chunk.columns));
  object.beginChunk();
  let rows = 0;
  for (const sql of copyStatements(chunk, stepSeconds)) {
    rows += await takeWholeRows(session.copyOut(sql, { lent: true }), async (bytes, count) => {
      await object.append(bytes, count);
      progress.advance({ bytes: bytes.length, rows: count });
    });
  }
  const written = await object.endChunk();
  if (written.rows !== rows)
    throw new RowsIncomplete(`${written.rows} of ${rows} rows of ${chunk.schema}.${chunk.name} were written`);
  if (chunk.last) await object.write(copyEnd);
  return { ...written, schema: chunk.schema, name: chunk.name, pages: chunk.pages };
}

/** Bytes of table that the first COPY of a range is given, before anything is known of its speed. */
const firstStepBytes = 32 * 1024 * 1024;

/**
 * The COPY statements of a chunk, each asked for when the one before is done: how many pages one reads follows from
 * the seconds that the last one took, for text can be fifty times its pages.
 */
export function* copyStatements(
  chunk: PlannedChunk,
  stepSeconds: number,
  now: () => number = () => performance.now() / 1000,
): Generator<string> {
  if (chunk.pages === null) {
    yield copyOut(chunk, chunk.condition ?? '');
    return;
  }
  const end = chunk.pages.from + chunk.pageCount;
  const bytesPerPage = Math.max(1, chunk.bytes / Math.max(1, chunk.pageCount));
  let step = Math.max(1, Math.floor(firstStepBytes / bytesPerPage));
  for (let from = chunk.pages.from; from < end; ) {
    const to = Math.min(end, from + step);
    const began = now();
    // The last range is open like its chunk: rows may lie beyond the pages that there were
    const upper = to === end ? chunk.pages.to : to;
    const bounds = [`ctid >= '(${from},0)'::tid`, ...(upper === null ? [] : [`ctid < '(${upper},0)'::tid`])];
    yield copyOut(chunk, `WHERE ${bounds.join(' AND ')}`);
    const factor = stepSeconds / Math.max(0.001, now() - began);
    step = Math.max(1, Math.floor(step * Math.min(4, Math.max(1 / 8, factor))));
    from = to;
  }
}

/** ONLY: what inherits from the table has rows of its own. */
function copyOut({ schema, name, columns }: PlannedChunk, where: string): string {
  return `COPY (SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ONLY ${quoteName(schema, name)} ${where}) TO STDOUT`;
}

/** The last question in the transaction: it was one and the same from the first row to the last. */
async function checkSameSnapshot(session: Session, text: string): Promise<void> {
  if (!(await seesSnapshot(session, text)))
    throw new RowsIncomplete(`the transaction of this shard does not see the snapshot ${text} any more`);
}
