import { copyEnd, copyStatement } from '../archive/copy-lines.ts';
import type { PageRange } from '../archive/manifest.ts';
import type { RowsResult } from '../archive/shard-result.ts';
import type { WorkingObjectFacts, WrittenChunk } from '../archive/working-object.ts';
import { StatementFailed } from '../postgres/errors.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { Lifetime } from '../run/lifetime.ts';
import type { Progress } from '../run/progress.ts';
import { rowsNotChanged } from '../run/rows-not-changed.ts';
import type { RunId } from '../run/run-id.ts';
import { joinSnapshot } from '../snapshot/import-snapshot.ts';
import { seesSnapshot } from '../snapshot/snapshot-session.ts';
import { clientEncoding, copySettings } from './copy-settings.ts';
import { RowsIncomplete } from './errors.ts';
import { pageSteps } from './page-steps.ts';
import type { PlannedChunk, ShardPlan } from './shard-plan.ts';
import { takeWholeRows } from './whole-rows.ts';

/** Where the rows go: what a shard needs of a working object. */
export interface RowsObject {
  write(text: string): Promise<void>;
  beginChunk(): void;
  append(rows: Buffer, rowCount: number, given?: boolean): Promise<void>;
  endChunk(): Promise<WrittenChunk>;
  finish(): Promise<WorkingObjectFacts>;
  abort(reason?: unknown): Promise<void>;
}

/** Where in a shard's plan reading begins, or is to go on. */
export type Position = NonNullable<RowsResult['rest']>;

export interface CopyShardOptions {
  readonly database: Database;
  readonly backupId: RunId;
  readonly round: number;
  /** Of the snapshot, as OpenSnapshot returned it. */
  readonly text: string;
  /** Of the source database: `UTF8`. */
  readonly encoding: string;
  readonly plan: ShardPlan;
  /** From 1: which invocation's share of the shard this is, and where it begins. */
  readonly leg: number;
  readonly start: Position;
  /** Start-up settings that masks find their key in. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Ends between two COPYs when this is nearly over; what is left is the next leg's. */
  readonly life: Lifetime;
  /** Finished here; removed when anything fails. */
  readonly object: RowsObject;
  readonly progress: Progress;
  readonly lockWaitSeconds?: number;
  /** Seconds that one COPY of a large table should take; 5 by default. */
  readonly stepSeconds?: number;
  /** Bytes of COPY text after which a chunk ends and the next begins. */
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal;
}

/** A restore loads a chunk in one transaction of a few tens of seconds: no more text than this, but for one COPY's. */
const defaultChunkBytes = 512 * 1024 * 1024;
/** Of a lifetime: one COPY takes this share of it at most, and a chunk that one. */
const stepShare = 1 / 60;
const chunkShare = 1 / 20;

/**
 * Reads rows of one shard, as of the snapshot, into a working object: all of them, or as many as the lifetime allows.
 * @returns `rest`: where the next leg goes on; null when the shard is done
 * @throws SnapshotLost, TableLocked (the backup starts over), RowsIncomplete, RowTooLarge, ConnectionLost, StatementFailed
 */
export async function copyShard(options: CopyShardOptions): Promise<RowsResult> {
  const { database, plan, leg, object } = options;
  try {
    await using joined = await open(database, options);
    const { chunks, rest } = await copyChunks(joined.session, options);
    await checkSameSnapshot(joined.session, options.text);
    return { kind: 'rows', shard: plan.shard, leg, chunks, rest, ...(await object.finish()) };
  } catch (error) {
    await object.abort(error);
    throw error;
  }
}

async function copyChunks(
  session: Session,
  options: CopyShardOptions,
): Promise<Pick<RowsResult, 'chunks' | 'rest'>> {
  const { plan, start, life, signal } = options;
  const chunks: RowsResult['chunks'] = [];
  for (const [index, chunk] of plan.chunks.entries()) {
    if (index < start.chunk) continue;
    signal?.throwIfAborted();
    if (chunks.length > 0 && life.isNearlyOver) return { chunks, rest: { chunk: index, page: null } };
    const stopped = await copyChunk(
      session,
      chunk,
      index === start.chunk ? start.page : null,
      options,
      chunks,
    );
    if (stopped !== null) return { chunks, rest: { chunk: index, page: stopped } };
  }
  return { chunks, rest: null };
}

async function open(database: Database, options: CopyShardOptions) {
  const { backupId, round, text, plan, encoding, lockWaitSeconds, signal } = options;
  const session = await joinSnapshot(database, {
    backupId,
    round,
    text,
    name: `w${plan.shard}`,
    lock: plan.chunks,
    settings: { ...copySettings, ...options.settings },
    ...(lockWaitSeconds === undefined ? {} : { lockWaitSeconds }),
    ...(signal ? { signal } : {}),
  });
  // The driver's own wish at start-up goes before every setting, so that this one is made afterwards
  if (clientEncoding(encoding) !== 'UTF8')
    await session.execute(`SET client_encoding = ${clientEncoding(encoding)}`);
  return { session, [Symbol.asyncDispose]: () => session.end() };
}

/** @returns the page at which it stopped for want of time; null when the planned chunk is done */
async function copyChunk(
  session: Session,
  planned: PlannedChunk,
  from: number | null,
  options: CopyShardOptions,
  written: RowsResult['chunks'],
): Promise<number | null> {
  const { object, progress, life, stepSeconds = 5, chunkBytes = defaultChunkBytes } = options;
  const into = planned.loadThrough ?? planned;
  if (planned.first && from === null)
    await object.write(copyStatement(into.schema, into.name, planned.columns));
  let begun = beginChunk(object, from ?? planned.pages?.from ?? 0);
  const steps = pageSteps(planned, {
    from,
    stepSeconds: Math.min(stepSeconds, life.wholeSeconds * stepShare),
    serverVersion: session.serverVersion,
  });
  for (const { sql, to } of steps) {
    const taken = takeWholeRows(
      session.copyOut(sql, { lent: true }),
      async (bytes, count, given) => {
        const { length } = bytes;
        await object.append(bytes, count, given);
        begun.bytes += length;
        progress.advance({ bytes: length, rows: count });
      },
      `${planned.schema}.${planned.name}`,
    );
    begun.rows += await (planned.changed ? taken.catch((error) => throwUnchanged(planned, error)) : taken);
    if (to === null) break;
    const long = performance.now() - begun.at > life.wholeSeconds * 1000 * chunkShare;
    if (!life.isNearlyOver && !long && begun.bytes < chunkBytes) continue;
    written.push(await endChunk(object, planned, begun, { from: begun.from, to }));
    if (life.isNearlyOver) return to;
    begun = beginChunk(object, to);
  }
  const whole = planned.pages === null && begun.from === 0;
  const pages = whole ? null : { from: begun.from, to: planned.pages?.to ?? null };
  written.push(await endChunk(object, planned, begun, pages));
  if (planned.last) await object.write(copyEnd);
  return null;
}

/** The server's words may hold a value of the row that could not be masked. */
function throwUnchanged({ schema, name }: PlannedChunk, error: unknown): never {
  throw error instanceof StatementFailed ? rowsNotChanged(`${schema}.${name}`, error) : error;
}

interface BegunChunk {
  /** First page. */
  readonly from: number;
  /** performance.now() */
  readonly at: number;
  rows: number;
  bytes: number;
}

function beginChunk(object: RowsObject, from: number): BegunChunk {
  object.beginChunk();
  return { from, at: performance.now(), rows: 0, bytes: 0 };
}

async function endChunk(
  object: RowsObject,
  { schema, name }: PlannedChunk,
  { rows }: BegunChunk,
  pages: PageRange | null,
): Promise<RowsResult['chunks'][number]> {
  const written = await object.endChunk();
  if (written.rows !== rows)
    throw new RowsIncomplete(`${written.rows} of ${rows} rows of ${schema}.${name} were written`);
  return { ...written, schema, name, pages };
}

/** The last question in the transaction: it was one and the same from the first row to the last. */
async function checkSameSnapshot(session: Session, text: string): Promise<void> {
  if (!(await seesSnapshot(session, text)))
    throw new RowsIncomplete(`the transaction of this shard does not see the snapshot ${text} any more`);
}
