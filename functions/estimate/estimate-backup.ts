import { planShards, type RowsPlan } from '../rows/plan-shards.ts';
import type { PlannedChunk } from '../rows/shard-plan.ts';
import type { Piece } from '../store/object-store.ts';
import { planParts, s3Limits } from '../store/plan-parts.ts';
import {
  type Bytes,
  bytesOf,
  type DatabaseShape,
  type MediaShape,
  type TableShape,
} from './database-shape.ts';
import { countKeepers } from './keepers.ts';
import { type RunEstimate, RunTally } from './run-tally.ts';
import * as works from './work.ts';

export interface RunOptions {
  /** Workers at once. */
  readonly jobs: number;
  readonly shardBytes: number;
  /** Of the source, `150018`. */
  readonly serverVersion: number;
}

export interface BackupEstimate extends RunEstimate {
  /** Workers' tasks. */
  readonly shards: number;
  readonly mediaShards: number;
  /** Rows as COPY text. */
  readonly textBytes: number;
  /** What lies in S3 in the end. */
  readonly storedBytes: number;
}

/** What a backup takes. */
export function estimateBackup(shape: DatabaseShape, options: RunOptions): BackupEstimate {
  const tally = new RunTally();
  const plan = planShards(shape.tables, options);
  const rows = shardBytes(shape, plan);
  const media = mediaShards(shape.media, options.shardBytes);
  const mediaStored = media.map(({ bytes }) => bytes * shape.ratios.storedOfMedia);

  tally.step('Begin', works.work(0.01));
  tally.step('Lock', works.small);
  tally.pass(1);
  const opened = tally.seconds;
  tally.step('OpenSnapshot', works.openSnapshot(shape));
  tally.step('DumpSchema', works.dumpSchema(shape));
  tally.step('PlanShards', works.planShards(shape.tables.length, plan.shards.length));

  const copied = tally.fanOut(
    'CopyShard',
    plan.shards.map(({ chunks }, index) => works.copyShard(chunks.length, rows[index] ?? nothing)),
    { jobs: options.jobs, states: 3 },
  );
  const { seconds: planning } = tally.invoke(
    'PlanMedia',
    works.planMedia(shape.media?.files ?? 0, media.length),
  );
  const { seconds: comparing } = tally.invoke(
    'CompareMedia',
    works.compareMedia(shape.media?.files ?? 0, media.length),
  );
  const archived = tally.fanOut(
    'ArchiveMedia',
    media.map(({ files, bytes }, index) => works.archiveMedia(files, bytes, mediaStored[index] ?? 0)),
    { jobs: options.jobs, states: 1 },
  );
  tally.seconds += Math.max(copied, planning + comparing + archived);
  tally.pass(4);
  tally.step('ReadSequences', works.readSequences(shape));
  tally.step('ReleaseSnapshot', works.small);
  countKeepers(tally, tally.seconds - opened);
  tally.pass(1);
  const objects = 3 * (plan.shards.length + media.length);
  tally.step('SealBackup', sealing(rows, mediaStored, plan.shards.length + media.length), true);
  tally.pass(1);
  tally.step('CleanUp', works.cleanUp(objects));
  tally.step('AnnounceBackup', works.work(0.01));

  return {
    ...tally.estimate(),
    shards: plan.shards.length,
    mediaShards: media.length,
    textBytes: sum(rows.map(({ text }) => text)),
    storedBytes: sum([...rows.map(({ stored }) => stored), ...mediaStored]),
  };
}

const nothing: Bytes = { text: 0, stored: 0 };

/** What every shard of a plan comes to. */
export function shardBytes({ tables, ratios }: DatabaseShape, { shards }: RowsPlan): Bytes[] {
  const byOid = new Map(tables.map((table) => [table.oid, table]));
  return shards.map(({ chunks }) => {
    const all = chunks.map((chunk) => chunkBytes(byOid.get(chunk.oid), chunk, ratios));
    return { text: sum(all.map(({ text }) => text)), stored: sum(all.map(({ stored }) => stored)) };
  });
}

export function chunkBytes(
  table: TableShape | undefined,
  chunk: PlannedChunk,
  ratios: DatabaseShape['ratios'],
): Bytes {
  if (!table) return nothing;
  return bytesOf(table, ratios, chunk.pages === null ? 1 : chunk.pageCount / Math.max(1, table.pages));
}

/** Most members of one shard of media, and most shards (functions/media/cut-into-shards.ts). */
const mediaShardFiles = 20_000;
const mostMediaShards = 2_500;

/** Shards as large as one another: the sizes of single files are not known here. */
export function mediaShards(media: MediaShape | null, shardBytes: number): MediaShape[] {
  if (!media) return [];
  const wanted = Math.max(1, Math.ceil(media.bytes / shardBytes), Math.ceil(media.files / mediaShardFiles));
  const count = Math.min(mostMediaShards, wanted);
  return Array.from({ length: count }, () => ({
    files: Math.ceil(media.files / count),
    bytes: media.bytes / count,
  }));
}

/** Both files, put together as `compose` would. */
function sealing(rows: readonly Bytes[], media: readonly number[], results: number): works.Work {
  const objects = [...rows.map(({ stored }) => stored), ...media].length;
  const parts = [rows.map(({ stored }) => stored), [...media]].flatMap((lengths) =>
    planParts(lengths.map(pieceOf), s3Limits),
  );
  return works.sealBackup({
    results,
    objects,
    copied: parts.filter(({ kind }) => kind === 'copy').map(({ length }) => length),
    read: sum(parts.filter(({ kind }) => kind === 'read').map(({ length }) => length)),
  });
}

function pieceOf(length: number, index: number): Piece {
  return { key: String(index), etag: '', offset: 0, length: Math.max(1, Math.round(length)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
