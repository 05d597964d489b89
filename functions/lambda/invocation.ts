import { z } from 'zod';
import type { LambdaContext } from '../run/lambda-surroundings.ts';

/** What every log line and trace of one invocation carries. */
export interface InvocationFields {
  /** The execution's ARN. */
  readonly execution?: string;
  readonly run?: string;
  /** A backup's id is its run's; a restore names the backup that it reads. */
  readonly backup?: string;
  /** The handler, which is the state's name. */
  readonly state: string;
  readonly shard?: number;
  /** One invocation is one attempt: Lambda's request id. */
  readonly attempt?: string;
}

/** As much of a state as is looked at here; what does not fit is for the handler to refuse. */
const Traced = z.object({
  executionId: z.string().optional().catch(undefined),
  runId: z.string().optional().catch(undefined),
  run: z
    .object({ id: z.string(), executionId: z.string(), kind: z.string() })
    .partial()
    .optional()
    .catch(undefined),
  shard: z.number().optional().catch(undefined),
  plan: z.object({ backupId: z.string() }).optional().catch(undefined),
});

/** Reads out of a state's input who it works for. */
export function invocationFields(state: string, event: unknown, context: LambdaContext): InvocationFields {
  const { executionId, runId, run, shard, plan } = Traced.safeParse(event).data ?? {};
  const id = run?.id ?? runId;
  const backup = run?.kind === 'backup' ? run.id : plan?.backupId;
  const execution = run?.executionId ?? executionId;
  return {
    ...(execution !== undefined && { execution }),
    ...(id !== undefined && { run: id }),
    ...(backup !== undefined && { backup }),
    state,
    ...(shard !== undefined && { shard }),
    ...(context.awsRequestId !== undefined && { attempt: context.awsRequestId }),
  };
}
