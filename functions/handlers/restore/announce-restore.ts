import { z } from 'zod';
import { RunState } from '../../run/state.ts';
import { stateHandler } from '../state-handler.ts';

const AnnounceRestore = z.object({
  run: RunState,
  plan: z.looseObject({ backupId: z.string(), scope: z.string() }),
  verified: z.unknown(),
  switched: z.unknown(),
  cache: z.unknown().optional(),
  afterRestore: z.unknown().optional(),
});

/** AnnounceRestore: what the execution's output tells whoever started it. */
export const announceRestore = stateHandler(AnnounceRestore, async ({ run, plan, ...results }) => ({
  run,
  plan: { backupId: plan.backupId, scope: plan.scope },
  ...results,
}));
