import { z } from 'zod';

/** Who runs a run, as written into `runs/<id>/run.json` and locks: enough to find out whether it still goes on. */
export const RunOwner = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('execution'), arn: z.string() }),
  z.object({
    kind: z.literal('process'),
    host: z.string(),
    /** A process id means nothing after the machine has started again. */
    bootId: z.string(),
    pid: z.int(),
    /** Of the process, so that another one with the same id is not taken for it. */
    startedAt: z.string(),
  }),
]);
export type RunOwner = z.infer<typeof RunOwner>;

/** For messages: the execution's ARN, or where its process runs. */
export function describeOwner(owner: RunOwner): string {
  return owner.kind === 'execution' ? `execution ${owner.arn}` : `process ${owner.pid} on ${owner.host}`;
}
