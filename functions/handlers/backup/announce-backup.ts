import { z } from 'zod';
import { RunState } from '../../run/state.ts';
import { CleanedUp, tellOfCleanUp } from '../cleaned-up.ts';
import { stateHandler } from '../state-handler.ts';

const AnnounceBackup = z.object({
  run: RunState,
  backup: z.looseObject({ backupId: z.string(), uri: z.string() }),
  cache: z.unknown().optional(),
  cleanUp: CleanedUp,
});

/** AnnounceBackup: what the execution's output, and its event, tell whoever started it. */
export const announceBackup = stateHandler(
  AnnounceBackup,
  async ({ run, backup: { more: _, ...backup }, cache, cleanUp }, { progress }) => ({
    run,
    backup,
    ...(cache === undefined ? {} : { cache }),
    ...tellOfCleanUp(cleanUp, progress),
  }),
);
