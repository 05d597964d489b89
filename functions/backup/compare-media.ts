import { FileComparison } from '../media/compare.ts';
import { MediaShard } from '../media/plan.ts';
import type { Database } from '../postgres/session.ts';
import type { Round } from '../run/keys.ts';
import type { MediaComparison } from '../run/media-comparison.ts';
import type { RunId } from '../run/run-id.ts';
import { find } from '../run/stored.ts';
import { columnName, fileColumnsOf, readReferences } from '../snapshot/file-references.ts';
import { joinSnapshot } from '../snapshot/import-snapshot.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys, MediaRecord, SnapshotRecord } from './records.ts';

export interface CompareMediaOptions {
  readonly backupId: RunId;
  /** Of the snapshot. */
  readonly text: string;
  /** Columns beyond Nautobot's own that refer to files: `table.column`. */
  readonly files: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Holds the rows of the snapshot against the files that PlanMedia found.
 * @returns the comparison, and names of columns that are in no table of the backup; undefined where there are no media
 * @throws SnapshotLost, TableLocked
 */
export async function compareMedia(
  store: ObjectStore,
  database: Database,
  at: Round,
  { backupId, text, files, signal }: CompareMediaOptions,
): Promise<{ comparison: MediaComparison; unknown: string[] } | undefined> {
  const media = await find(store, keys.media(at), MediaRecord);
  if (media.without !== null) return undefined;
  const { rows } = await find(store, keys.snapshot(at), SnapshotRecord);
  const { columns, unknown } = fileColumnsOf(rows, files);
  const comparison = new FileComparison(columns.map(columnName));
  const read = rows.filter(({ schema, name }) =>
    columns.some((column) => column.schema === schema && column.table === name),
  );
  const session = await joinSnapshot(database, {
    backupId,
    round: at.round,
    text,
    name: 'media',
    lock: read,
    signal,
  });
  try {
    for (const [index, column] of columns.entries())
      for await (const path of readReferences(session, column)) comparison.refer(path, index);
  } finally {
    await session.end();
  }
  for (const shard of media.shards) {
    const { members } = await find(store, keys.mediaPlan(at, shard), MediaShard);
    for (const { path, kind, part } of members)
      if (kind !== 'directory' && (part?.offset ?? 0) === 0) comparison.meet(path);
  }
  return { comparison: comparison.result(media.leftOut?.patterns), unknown };
}
