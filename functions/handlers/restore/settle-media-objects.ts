import { copyBuckets } from '../../restore/copy-buckets.ts';
import { inUseAlready } from '../../restore/in-use-already.ts';
import { RestoreInput } from '../../restore/input.ts';
import { stateHandler } from '../state-handler.ts';

/** SettleMediaObjects: media that differ from the source's are replaced once the new database is in use. */
export const settleMediaObjects = stateHandler(RestoreInput, async ({ run }, surroundings) =>
  inUseAlready(surroundings, () => copyBuckets(run.id, 'settle', surroundings)),
);
