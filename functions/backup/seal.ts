import { BackupIncomplete } from '../archive/errors.ts';
import { blockBytes, compressionLevel } from '../archive/frame.ts';
import type { Manifest, SequenceEntry } from '../archive/manifest.ts';
import { readResult } from '../archive/put-result.ts';
import { sealBackup } from '../archive/seal.ts';
import { MediaResult, RowsResult } from '../archive/shard-result.ts';
import { InternalError } from '../errors/usage.ts';
import type { Round } from '../run/keys.ts';
import type { BackupOptions, RunState, SnapshotState } from '../run/state.ts';
import { find, RunStateMissing } from '../run/stored.ts';
import { tool } from '../run/tool.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { roundOf } from './input.ts';
import {
  DefinitionsRecord,
  keys,
  MediaRecord,
  PlanRecord,
  SequencesRecord,
  SnapshotRecord,
} from './records.ts';

/** Small objects read at the same time. */
const width = 24;

/**
 * Reads what all workers left and seals it. Repeatable.
 * @throws BackupIncomplete when a shard has no result, and what sealing throws
 */
export async function sealRun(
  store: ObjectStore,
  run: RunState,
  options: BackupOptions,
  snapshot: SnapshotState,
  signal: AbortSignal,
): Promise<Manifest> {
  const at = roundOf(run);
  const [source, definitions, plan, media, sequences] = await Promise.all([
    find(store, keys.snapshot(at), SnapshotRecord),
    find(store, keys.definitions(at), DefinitionsRecord),
    find(store, keys.plan(at), PlanRecord),
    find(store, keys.media(at), MediaRecord),
    find(store, keys.sequences(at), SequencesRecord),
  ]);
  const schema = await store.get(keys.schema(at));
  if (!schema) throw new RunStateMissing(`${store.uri(keys.schema(at))} is not there`);
  return sealBackup(store, {
    backupId: run.id,
    scratchKey: keys.tarEnd(at),
    definitions: {
      preData: definitions.preData,
      sequences: sequences.result,
      postData: definitions.postData,
      roles: definitions.roles,
      notes: [...source.notes, ...definitions.notes, ...sequences.notes],
    },
    schemaSql: schema.body.toString('utf8'),
    tables: plan.tables,
    rows: await results(store, at, plan.shards, keys.shardResult, RowsResult),
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
    },
    signal,
  });
}

/** What the plan noticed of the directory belongs to the first shard's notes. */
async function mediaResults(store: ObjectStore, at: Round, media: MediaRecordShape): Promise<MediaResult[]> {
  const found = await results(store, at, media.shards, keys.mediaResult, MediaResult);
  return found.map((result, index) =>
    index === 0 ? { ...result, notes: [...media.notes, ...result.notes] } : result,
  );
}

type MediaRecordShape = ReturnType<typeof MediaRecord.parse>;

async function results<Result>(
  store: ObjectStore,
  at: Round,
  shards: readonly number[],
  keyOf: (at: Round, shard: number) => string,
  schema: Parameters<typeof readResult<Result>>[2],
): Promise<Result[]> {
  const found: Result[] = [];
  for (let from = 0; from < shards.length; from += width) {
    const some = shards.slice(from, from + width);
    const read = await Promise.all(some.map((shard) => readResult(store, keyOf(at, shard), schema)));
    for (const [index, result] of read.entries()) {
      if (result === undefined)
        throw new BackupIncomplete(
          `shard ${some[index]} left no result (${store.uri(keyOf(at, some[index] ?? 0))})`,
        );
      found.push(result);
    }
  }
  if (found.length !== shards.length) throw new InternalError('results were lost while they were read');
  return found;
}
