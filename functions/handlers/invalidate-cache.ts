import { z } from 'zod';
import { invalidate } from '../cache/invalidate.ts';
import { need } from '../run/require.ts';
import { RunState } from '../run/state.ts';
import { stateHandler } from './state-handler.ts';

/** InvalidateCache: yesterday's answers must not be served from a database of today. */
export const invalidateCache = stateHandler(z.object({ run: RunState }), async (_, surroundings) =>
  invalidate(need(surroundings, 'cache'), surroundings),
);
