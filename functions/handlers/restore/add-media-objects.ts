import { copyBuckets } from '../../restore/copy-buckets.ts';
import { RestoreInput } from '../../restore/input.ts';
import { stateHandler } from '../state-handler.ts';

/** AddMediaObjects: media that the target's bucket lacks, which nothing in use there refers to. */
export const addMediaObjects = stateHandler(RestoreInput, async ({ run }, surroundings) =>
  copyBuckets(run.id, 'add', surroundings),
);
