import { z } from 'zod';
import { putResultNew, readResult } from '../../archive/put-result.ts';
import { RowsResult } from '../../archive/shard-result.ts';
import { openWorkingObject } from '../../archive/working-object.ts';
import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { keys, SnapshotRecord } from '../../backup/records.ts';
import { copyShard as copy } from '../../rows/copy-shard.ts';
import { ShardPlan } from '../../rows/shard-plan.ts';
import { newAttempt } from '../../run/attempt.ts';
import { need } from '../../run/require.ts';
import { find } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

const CopyShard = SnapshotInput.extend({ shard: z.int().positive() });

/** CopyShard: one worker's rows into one working object. The first attempt to finish counts. */
export const copyShard = stateHandler(CopyShard, async ({ run, snapshot, shard }, surroundings) => {
  const { store, signal, progress } = surroundings;
  const at = roundOf(run);
  if (await readResult(store, keys.shardResult(at, shard), RowsResult)) return;
  const plan = await find(store, keys.shardPlan(at, shard), ShardPlan);
  const { source } = await find(store, keys.snapshot(at), SnapshotRecord.pick({ source: true }));
  const result = await copy({
    database: need(surroundings, 'source'),
    backupId: run.id,
    round: run.round,
    text: snapshot.text,
    encoding: source.encoding,
    plan,
    object: openWorkingObject(store, keys.shardObject(at, shard, newAttempt()), { signal }),
    progress,
    signal,
  });
  await putResultNew(store, keys.shardResult(at, shard), RowsResult, result);
});
