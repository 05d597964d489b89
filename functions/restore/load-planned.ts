import { readSection } from '../archive/chunk-reader.ts';
import type { TableChunk, TableEntry } from '../archive/manifest.ts';
import type { Database } from '../postgres/session.ts';
import { maskSettings } from '../profile/mask-key.ts';
import type { Lifetime } from '../run/lifetime.ts';
import type { Progress } from '../run/progress.ts';
import type { RunId } from '../run/run-id.ts';
import { find } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { loadChunk, openLoadSession, type RowsChanged } from '../target/load-shard.ts';
import { keys, LoadPlan, RestoreRecord } from './records.ts';

export interface LoadOptions {
  readonly runId: RunId;
  readonly shard: number;
  readonly attempt: string;
  /** Asked for where rows are masked by it. @throws ConfigurationMissing */
  readonly maskKey: () => string;
  /** No chunk is begun when it is nearly over. */
  readonly life: Lifetime;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Loads the chunks of one shard through one session. A chunk that an earlier attempt has committed is not read again.
 * @returns whether all are loaded; false: the lifetime is nearly over
 * @throws DamagedBackup, ObjectChanged, RowsDiffer; nothing of the chunk stays
 */
export async function loadPlanned(
  target: Database,
  store: ObjectStore,
  options: LoadOptions,
): Promise<boolean> {
  const { runId, shard, attempt, life, progress, signal } = options;
  const plan = await find(store, keys.load(runId, shard), LoadPlan);
  const { rebuild, database, backupId } = await find(store, keys.plan(runId), RestoreRecord);
  const settings = plan.keyed ? maskSettings(options.maskKey()) : undefined;
  const session = await openLoadSession(target, rebuild, { shard, attempt, settings, signal });
  try {
    for (const planned of plan.chunks) {
      signal.throwIfAborted();
      if (life.isNearlyOver) return false;
      const { chunk, index: chunkIndex } = planned;
      const entry = entryOf(planned);
      const what = `${entry.schema}.${entry.name}`;
      const rows = readSection(store, database.key, chunk, database, { what, lent: true, signal });
      const loaded = await loadChunk(session, {
        backupId,
        entry,
        chunkIndex,
        rows: counted(rows, progress),
        changed: changedOf(planned),
      });
      if (!loaded.again) progress.advance({ rows: loaded.rows });
    }
    return true;
  } finally {
    await session.end();
  }
}

/** The table as its manifest has it, the chunks that aren't this one left open. */
function entryOf({ table, of, index, chunk }: LoadPlan['chunks'][number]): TableEntry {
  const chunks = new Array<TableChunk>(of);
  chunks[index] = chunk;
  return { ...table, chunks };
}

function changedOf({ changed }: LoadPlan['chunks'][number]): RowsChanged | undefined {
  return changed && { columns: new Map(changed.columns), where: changed.where ?? undefined };
}

async function* counted(blocks: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    yield block;
    progress.advance({ bytes: block.length });
  }
}
