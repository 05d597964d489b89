import { blockBytes } from '../../functions/archive/frame.ts';
import type { PageRange } from '../../functions/archive/manifest.ts';
import type { DefinitionsResult, MediaResult, RowsResult } from '../../functions/archive/shard-result.ts';
import { keys, type SnapshotRecord } from '../../functions/backup/records.ts';
import { sections } from '../../functions/definitions/sections.ts';
import type { DatabaseShape, TableShape } from '../../functions/estimate/database-shape.ts';
import { chunkBytes, mediaShards } from '../../functions/estimate/estimate-backup.ts';
import { chunkTextBytes } from '../../functions/estimate/rates.ts';
import * as works from '../../functions/estimate/work.ts';
import { handlers } from '../../functions/handlers/handlers.ts';
import type { PlannedChunk, ShardPlan } from '../../functions/rows/shard-plan.ts';
import type { Round } from '../../functions/run/keys.ts';
import { etagOf } from './memory-store.ts';
import type { Model, ModelHandler } from './model.ts';

/** The handlers of Backup over a modelled database: what they leave in the store and return is as large as it would be. */
export function modelBackup(model: Model): Record<string, ModelHandler> {
  const { shape, store } = model;
  const byOid = new Map(shape.tables.map((table) => [table.oid, table]));
  return {
    OpenSnapshot: async ({ run }) => {
      await leave(keys.snapshot(roundOf(run)), snapshotRecord(shape));
      const snapshot = {
        text: `${'1'.repeat(10)}:${'2'.repeat(10)}:`,
        takenAt: model.startedAt,
        walPosition: '0/0',
        encoding: 'UTF8',
      };
      return { output: snapshot, work: works.openSnapshot(shape) };
    },
    DumpSchema: async ({ run }) => {
      const at = roundOf(run);
      const bytes = 3000 * shape.tables.length;
      for (const section of sections) {
        const result = definitions(at, section, bytes / 8);
        await leave(keys.sectionRecord(at, section), { result, roles: [], notes: [] });
        await store.put(keys.schemaPart(at, section), 'x');
      }
      await leave(keys.definitions(at), { notes: [] });
      return { output: { more: false }, work: works.dumpSchema(shape) };
    },
    PlanShards: async (input, around) => {
      const output = (await handlers.PlanShards(input, around)) as { shards: number[] };
      return { output, work: works.planShards(shape.tables.length, output.shards.length) };
    },
    CopyShard: async ({ run, shard = 0 }) => {
      const at = roundOf(run);
      const plan = (await find(keys.shardPlan(at, shard))) as ShardPlan;
      const result = rowsResult(at, plan, byOid, shape);
      await leave(keys.shardResult(at, shard, 1), result);
      const text = result.chunks.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
      return {
        output: { more: false },
        work: works.copyShard(plan.chunks.length, { text, stored: result.size }),
      };
    },
    PlanMedia: async ({ run, options }) => {
      const at = roundOf(run);
      const planned = mediaShards(shape.media, options.shardBytes);
      const shards = planned.map((_, index) => index + 1);
      await leave(keys.media(at), { shards, without: shape.media ? null : 'none', notes: [] });
      return {
        output: { shards, more: false },
        work: works.planMedia(shape.media?.files ?? 0, shards.length),
      };
    },
    ArchiveMedia: async ({ run, options, shard = 0 }) => {
      const at = roundOf(run);
      const own = mediaShards(shape.media, options.shardBytes)[shard - 1] ?? { files: 0, bytes: 0 };
      const stored = Math.round(own.bytes * shape.ratios.storedOfMedia);
      await leave(keys.mediaResult(at, shard), mediaResult(at, shard, { ...own, stored }));
      return { output: { more: false }, work: works.archiveMedia(own.files, own.bytes, stored) };
    },
    CompareMedia: async ({ options }) => {
      const shards = mediaShards(shape.media, options.shardBytes).length;
      return { output: null, work: works.compareMedia(shape.media?.files ?? 0, shards) };
    },
    ReadSequences: async ({ run }) => {
      const at = roundOf(run);
      await leave(keys.sequences(at), {
        result: definitions(at, 'sequences', 20 * shape.tables.length),
        entries: [],
        notes: [],
      });
      return { output: null, work: works.readSequences(shape) };
    },
    ReleaseSnapshot: async () => ({ output: null, work: works.small }),
    SealBackup: async (input, around) => {
      const output = (await handlers.SealBackup(input, around)) as object;
      const parts = store.composed.flatMap((file) => file.parts);
      const ofKind = (kind: string) => parts.filter((part) => part.kind === kind).map(({ length }) => length);
      const objects = store.composed.reduce((sum, { pieces }) => sum + pieces, 0);
      const read = ofKind('read').reduce((sum, length) => sum + length, 0);
      const results = objects - store.composed.length;
      return {
        output: { ...output, more: false },
        work: works.sealBackup({ results, objects, copied: ofKind('copy'), read }),
      };
    },
  };

  function leave(key: string, value: unknown) {
    return store.put(key, JSON.stringify(value));
  }

  async function find(key: string): Promise<unknown> {
    const found = await store.get(key);
    if (!found) throw new Error(`${key} is not there`);
    return JSON.parse(found.body.toString());
  }
}

function roundOf({ id, round }: { id: string; round: number }): Round {
  return { runId: id, round };
}

function snapshotRecord(shape: DatabaseShape): SnapshotRecord {
  return {
    source: {
      serverVersion: '16.4',
      serverVersionNum: 160_004,
      host: 'production.cluster-abcdefghijkl.eu-central-1.rds.amazonaws.com',
      port: 5432,
      database: 'nautobot',
      databaseOid: 16_400,
      systemIdentifier: '7'.repeat(19),
      standby: false,
      encoding: 'UTF8',
      localeProvider: 'libc',
      collate: 'en_US.UTF-8',
      ctype: 'en_US.UTF-8',
      locale: null,
      collationVersion: '2.36',
      extensions: [],
      migrations: null,
    },
    rows: shape.tables.map(({ indexes: _, foreignKeys: __, ...table }) => table),
    definitionOnly: [],
    leftOut: [],
    unfilled: [],
    sequences: [],
    positions: [],
    notes: [],
  };
}

const sha256 = 'a'.repeat(64);
const crc32 = '0'.repeat(8);

function section(bytes: number, stored: number) {
  const rawBytes = Math.round(bytes);
  return { offset: 0, length: stored, frames: Math.max(1, Math.ceil(bytes / blockBytes)), rawBytes, sha256 };
}

function written(key: string, size: number) {
  return { object: key, etag: etagOf(key), size, crc32 };
}

function definitions(at: Round, name: string, bytes: number): DefinitionsResult {
  const stored = Math.max(1, Math.round(bytes));
  return {
    kind: 'definitions',
    section: section(bytes * 8, stored),
    ...written(keys.section(at, name, '1'), stored),
  };
}

function mediaResult(
  at: Round,
  shard: number,
  { files, bytes, stored }: { files: number; bytes: number; stored: number },
): MediaResult {
  return {
    kind: 'media',
    shard,
    chunk: { ...section(bytes, stored), members: files },
    files,
    directories: 0,
    links: 0,
    bytes: Math.round(bytes),
    notes: [],
    ...written(keys.mediaObject(at, shard, '1'), stored),
  };
}

/** Bytes of a frame that holds a COPY line or its end. */
const lineBytes = 80;
const textOfRow = 5_000;

/** What a worker that read its shard at one go would leave: a chunk for every 512 MiB of text. */
function rowsResult(
  at: Round,
  plan: ShardPlan,
  byOid: ReadonlyMap<number, TableShape>,
  shape: DatabaseShape,
): RowsResult {
  const chunks: RowsResult['chunks'] = [];
  let size = 0;
  for (const planned of plan.chunks) {
    if (planned.first) size += lineBytes;
    const { text, stored } = chunkBytes(byOid.get(planned.oid), planned, shape.ratios);
    for (const pages of pagesOf(planned, Math.max(1, Math.ceil(text / chunkTextBytes)))) {
      const length = Math.max(1, Math.round(stored * pages.share));
      const rawBytes = Math.max(1, Math.round(text * pages.share));
      chunks.push({
        ...section(rawBytes, length),
        offset: size,
        rows: Math.max(1, Math.round(rawBytes / textOfRow)),
        pages: pages.range,
        schema: planned.schema,
        name: planned.name,
      });
      size += length;
    }
    if (planned.last) size += lineBytes;
  }
  return {
    kind: 'rows',
    shard: plan.shard,
    leg: 1,
    rest: null,
    chunks,
    ...written(keys.shardObject(at, plan.shard, '1'), size),
  };
}

/** Equal ranges of a planned chunk's pages. */
function pagesOf(planned: PlannedChunk, wanted: number): { range: PageRange | null; share: number }[] {
  const count = Math.max(1, Math.min(wanted, planned.pageCount));
  if (count === 1) return [{ range: planned.pages, share: 1 }];
  const from = planned.pages?.from ?? 0;
  const boundary = (index: number) => from + Math.floor((planned.pageCount * index) / count);
  return Array.from({ length: count }, (_, index) => {
    const to = index === count - 1 ? (planned.pages?.to ?? null) : boundary(index + 1);
    return { range: { from: boundary(index), to }, share: 1 / count };
  });
}
