import { BackupIncomplete } from '../archive/errors.ts';
import { blockBytes, compressionLevel } from '../archive/frame.ts';
import type { Manifest, SequenceEntry } from '../archive/manifest.ts';
import { readResult } from '../archive/put-result.ts';
import { type SealInput, sealSome } from '../archive/seal.ts';
import { MediaResult, type RowsResult } from '../archive/shard-result.ts';
import { type SectionName, sections } from '../definitions/sections.ts';
import { InvalidatedCache } from '../run/cache-mark.ts';
import type { Round } from '../run/keys.ts';
import type { Lifetime } from '../run/lifetime.ts';
import { MediaComparison } from '../run/media-comparison.ts';
import type { BackupOptions, RunState, SnapshotState } from '../run/state.ts';
import { find, RunStateMissing } from '../run/stored.ts';
import { tool } from '../run/tool.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { roundOf } from './input.ts';
import { readLegs } from './legs.ts';
import {
  DefinitionsRecord,
  keys,
  MediaRecord,
  PlanRecord,
  SectionRecord,
  SequencesRecord,
  SnapshotRecord,
} from './records.ts';

/** Small objects read at the same time. */
const width = 24;

/**
 * Reads what all workers left and seals it. Repeatable.
 * @returns undefined when `life` was nearly over first: the next call goes on
 * @throws BackupIncomplete when a shard has no result, and what sealing throws
 */
export async function sealRun(
  store: ObjectStore,
  run: RunState,
  options: BackupOptions,
  snapshot: SnapshotState,
  { life, signal }: { readonly life: Lifetime; readonly signal: AbortSignal },
): Promise<Manifest | undefined> {
  const at = roundOf(run);
  const [source, preData, postData, definitions, plan, media, sequences] = await Promise.all([
    find(store, keys.snapshot(at), SnapshotRecord),
    find(store, keys.sectionRecord(at, 'pre-data'), SectionRecord),
    find(store, keys.sectionRecord(at, 'post-data'), SectionRecord),
    find(store, keys.definitions(at), DefinitionsRecord),
    find(store, keys.plan(at), PlanRecord),
    find(store, keys.media(at), MediaRecord),
    find(store, keys.sequences(at), SequencesRecord),
  ]);
  const cache = (await store.head(keys.cache(at))) && (await find(store, keys.cache(at), InvalidatedCache));
  const compared = keys.mediaComparison(at);
  const comparison = (await store.head(compared)) && (await find(store, compared, MediaComparison));
  const input: SealInput = {
    backupId: run.id,
    scratchKey: keys.tarEnd(at),
    definitions: {
      preData: preData.result,
      sequences: sequences.result,
      postData: postData.result,
      roles: [...new Set([...preData.roles, ...postData.roles])].sort(),
      notes: [
        ...source.notes,
        ...new Set([...preData.notes, ...postData.notes, ...definitions.notes]),
        ...sequences.notes,
      ],
    },
    schemaSql: Buffer.concat(await Promise.all(sections.map((section) => schemaPart(store, at, section)))),
    tables: plan.tables,
    rows: await allLegs(store, at, plan.shards),
    media: media.without ?? {
      shards: media.shards,
      results: await mediaResults(store, at, media),
    },
    facts: {
      tool,
      startedAt: new Date(run.startedAt).toISOString(),
      snapshotAt: new Date(snapshot.takenAt).toISOString(),
      source: source.source,
      snapshot: { text: snapshot.text, walPosition: snapshot.walPosition },
      settings: {
        excludeTableData: options.excludeTableData,
        excludeTables: options.excludeTables,
        schemaOnly: options.schemaOnly,
        shardBytes: options.shardBytes,
        compression: { level: compressionLevel, blockBytes },
      },
      tablesLeftOut: source.leftOut.map(({ schema: name, name: table }) => `${name}.${table}`),
      sequences: sequences.entries satisfies SequenceEntry[],
      ...(cache && { cacheInvalidated: cache }),
      ...(media.leftOut && { mediaLeftOut: media.leftOut }),
      ...(comparison && { mediaComparison: comparison }),
      ...(source.profile && { profile: source.profile }),
    },
    signal,
  };
  return sealSome(store, input, life);
}

async function schemaPart(store: ObjectStore, at: Round, section: SectionName): Promise<Buffer> {
  const key = keys.schemaPart(at, section);
  const part = await store.get(key);
  if (!part) throw new RunStateMissing(`${store.uri(key)} is not there`);
  return part.body;
}

async function allLegs(store: ObjectStore, at: Round, shards: readonly number[]): Promise<RowsResult[]> {
  return inGroups(shards, async (shard) => {
    const legs = await readLegs(store, at, shard);
    const last = legs.at(-1);
    if (last && last.rest === null) return legs;
    throw missing(store, shard, keys.shardResult(at, shard, legs.length + 1));
  }).then((found) => found.flat());
}

/** What the plan noticed of the directory belongs to the first shard's notes. */
async function mediaResults(store: ObjectStore, at: Round, media: MediaRecordShape): Promise<MediaResult[]> {
  const found = await inGroups(media.shards, async (shard) => {
    const key = keys.mediaResult(at, shard);
    const result = await readResult(store, key, MediaResult);
    if (!result) throw missing(store, shard, key);
    return result;
  });
  return found.map((result, index) =>
    index === 0 ? { ...result, notes: [...media.notes, ...result.notes] } : result,
  );
}

type MediaRecordShape = ReturnType<typeof MediaRecord.parse>;

async function inGroups<Result>(
  shards: readonly number[],
  read: (shard: number) => Promise<Result>,
): Promise<Result[]> {
  const found: Result[] = [];
  for (let from = 0; from < shards.length; from += width)
    found.push(...(await Promise.all(shards.slice(from, from + width).map(read))));
  return found;
}

function missing(store: ObjectStore, shard: number, key: string): BackupIncomplete {
  return new BackupIncomplete(`shard ${shard} left no result (${store.uri(key)})`);
}
