import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { RestoreOptions, RunState } from '../run/state.ts';

/** What every state of a restore gets. */
export const RestoreInput = z.object({ run: RunState, options: RestoreOptions });

/** What a worker gets. */
export const RestoreWorkerInput = RestoreInput.extend({ backupId: RunId, shard: z.int().positive() });
