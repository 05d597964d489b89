import { z } from 'zod';
import { roundOf } from '../backup/input.ts';
import { keys } from '../backup/records.ts';
import { invalidate } from '../cache/invalidate.ts';
import { leaveSection } from '../report/leave-section.ts';
import { inUseAlready } from '../restore/in-use-already.ts';
import { InvalidatedCache } from '../run/cache-mark.ts';
import { need } from '../run/require.ts';
import { RunState } from '../run/state.ts';
import { leave } from '../run/stored.ts';
import { stateHandler } from './state-handler.ts';

const InvalidateCache = z.object({ run: RunState });

/** InvalidateCache: yesterday's answers must not be served from a database of today. */
export const invalidateCache = stateHandler(InvalidateCache, async ({ run }, surroundings) => {
  const work = () => invalidate(need(surroundings, 'cache'), surroundings);
  if (run.kind !== 'restore') {
    const outcome = await work();
    await leave(surroundings.store, keys.cache(roundOf(run)), InvalidatedCache.parse(outcome));
    return outcome;
  }
  return inUseAlready(surroundings, async () => {
    const outcome = await work();
    await leaveSection(surroundings.store, run.id, 'InvalidateCache', outcome);
    return outcome;
  });
});
