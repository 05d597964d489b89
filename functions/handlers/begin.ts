import { z } from 'zod';
import { runIdOf } from '../run/run-id.ts';
import { BackupOptions, RestoreOptions, type RunState } from '../run/state.ts';
import { stateHandler } from './state-handler.ts';

const execution = { executionId: z.string().min(1), startedAt: z.string() };
const Begin = z.discriminatedUnion('kind', [
  z.object({ ...execution, kind: z.literal('backup'), input: BackupOptions }),
  z.object({ ...execution, kind: z.literal('restore'), input: RestoreOptions }),
]);

/** Begin: checks what was asked for and gives the run its id. Touches nothing, so that a refusal leaves nothing. */
export const begin = stateHandler(Begin, async ({ kind, executionId, startedAt, input }) => {
  const run: RunState = { id: runIdOf(executionId, startedAt), kind, executionId, startedAt, round: 1 };
  return { run, options: input };
});
