import { z } from 'zod';
import { keys } from '../../report/keys.ts';
import { RunState } from '../../run/state.ts';
import { CleanedUp, tellOfCleanUp } from '../cleaned-up.ts';
import { stateHandler } from '../state-handler.ts';

const AnnounceRestore = z.object({
  run: RunState,
  plan: z.looseObject({ backupId: z.string(), scope: z.string() }),
  verified: z.unknown(),
  switched: z.unknown(),
  drained: z.unknown().optional(),
  cache: z.unknown().optional(),
  afterRestore: z.unknown().optional(),
  cleanUp: CleanedUp,
});

/** AnnounceRestore: what the execution's output and its event tell whoever started it, and where the whole report is. */
export const announceRestore = stateHandler(
  AnnounceRestore,
  async ({ run, plan, cleanUp, ...results }, { store, progress }) => {
    progress.measure('RestoresDone', 1);
    progress.measure('RestoreSeconds', (Date.now() - Date.parse(run.startedAt)) / 1000);
    return {
      run,
      plan: { backupId: plan.backupId, scope: plan.scope },
      ...results,
      report: (await store.head(keys.report(run.id))) ? store.uri(keys.report(run.id)) : null,
      ...tellOfCleanUp(cleanUp, progress),
    };
  },
);
