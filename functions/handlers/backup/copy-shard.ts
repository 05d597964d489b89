import { z } from 'zod';
import { putResultNew } from '../../archive/put-result.ts';
import { RowsResult } from '../../archive/shard-result.ts';
import { openWorkingObject } from '../../archive/working-object.ts';
import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { readLegs } from '../../backup/legs.ts';
import { keys } from '../../backup/records.ts';
import { maskSettings } from '../../profile/mask-key.ts';
import { copyShard as copy } from '../../rows/copy-shard.ts';
import { ShardPlan } from '../../rows/shard-plan.ts';
import { newAttempt } from '../../run/attempt.ts';
import { Lifetime, type Progressed } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { find } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

const CopyShard = SnapshotInput.extend({ shard: z.int().positive() });

/**
 * CopyShard: one worker's rows into one working object, or a leg of them where they take longer than a function lives.
 * The first attempt to finish counts.
 */
export const copyShard = stateHandler(
  CopyShard,
  async ({ run, snapshot, shard }, surroundings): Promise<Progressed> => {
    const { store, signal, progress } = surroundings;
    const life = new Lifetime(surroundings.remainingMs);
    const at = roundOf(run);
    const legs = await readLegs(store, at, shard);
    const before = legs.at(-1);
    if (before && before.rest === null) return { more: false };
    const plan = await find(store, keys.shardPlan(at, shard), ShardPlan);
    const keyed = plan.chunks.some(({ changed }) => changed?.keyed);
    const result = await copy({
      database: need(surroundings, 'source'),
      backupId: run.id,
      round: run.round,
      text: snapshot.text,
      encoding: snapshot.encoding,
      plan,
      settings: keyed ? maskSettings(need(surroundings, 'maskKey')) : undefined,
      leg: legs.length + 1,
      start: before?.rest ?? { chunk: 0, page: null },
      life,
      object: openWorkingObject(store, keys.shardObject(at, shard, newAttempt()), { signal }),
      progress,
      signal,
    });
    const counts = await putResultNew(store, keys.shardResult(at, shard, result.leg), RowsResult, result);
    return { more: counts.rest !== null };
  },
);
