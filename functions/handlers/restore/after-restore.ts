import { inUseAlready } from '../../restore/in-use-already.ts';
import { RestoreInput } from '../../restore/input.ts';
import { runAfterRestore } from '../../restore/run-after-restore.ts';
import { stateHandler } from '../state-handler.ts';

/** AfterRestore: the operator's own command, such as `nautobot-server post_upgrade`. */
export const afterRestore = stateHandler(RestoreInput, async ({ run, options }, surroundings) =>
  inUseAlready(surroundings, () => runAfterRestore(run, options, surroundings)),
);
