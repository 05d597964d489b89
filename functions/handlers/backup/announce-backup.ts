import { z } from 'zod';
import { RunState } from '../../run/state.ts';
import { stateHandler } from '../state-handler.ts';

const AnnounceBackup = z.object({
  run: RunState,
  backup: z.looseObject({ backupId: z.string(), uri: z.string() }),
  cache: z.unknown().optional(),
});

/** AnnounceBackup: what the execution's output tells whoever started it. */
export const announceBackup = stateHandler(AnnounceBackup, async ({ run, backup, cache }) => ({
  run,
  backup,
  ...(cache === undefined ? {} : { cache }),
}));
