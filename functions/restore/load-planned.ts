import { readSection } from '../archive/chunk-reader.ts';
import type { Database } from '../postgres/session.ts';
import type { Progress } from '../run/progress.ts';
import type { RunId } from '../run/run-id.ts';
import { find } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { loadChunk, openLoadSession } from '../target/load-shard.ts';
import { keys, LoadPlan, RestoreRecord } from './records.ts';

export interface LoadOptions {
  readonly runId: RunId;
  readonly shard: number;
  readonly attempt: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Loads the chunks of one shard through one session. A chunk that an earlier attempt has committed is not read again.
 * @throws DamagedBackup, ObjectChanged, RowsDiffer; nothing of the chunk stays
 */
export async function loadPlanned(target: Database, store: ObjectStore, options: LoadOptions): Promise<void> {
  const { runId, shard, attempt, progress, signal } = options;
  const plan = await find(store, keys.load(runId, shard), LoadPlan);
  const { rebuild, database, backupId } = await find(store, keys.plan(runId), RestoreRecord);
  const session = await openLoadSession(target, rebuild, { shard, attempt, signal });
  try {
    for (const { entry, chunkIndex } of plan.chunks) {
      signal.throwIfAborted();
      const chunk = entry.chunks[chunkIndex];
      if (!chunk) continue;
      const what = `${entry.schema}.${entry.name}`;
      const rows = readSection(store, database.key, chunk, database, { what, signal });
      const loaded = await loadChunk(session, { backupId, entry, chunkIndex, rows: counted(rows, progress) });
      progress.advance({ rows: loaded.rows });
    }
  } finally {
    await session.end();
  }
}

async function* counted(blocks: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    yield block;
    progress.advance({ bytes: block.length });
  }
}
