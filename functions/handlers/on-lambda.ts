import { z } from 'zod';
import { type LambdaContext, lambdaSurroundings } from '../run/lambda-surroundings.ts';
import { LoggedProgress, writeLogLine } from '../run/log-lines.ts';
import { recorded } from './recorded.ts';
import type { StateHandler } from './state-handler.ts';

/** What Lambda calls. */
export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<unknown>;

const Traced = z.object({
  executionId: z.string().optional(),
  runId: z.string().optional(),
  run: z.object({ id: z.string(), executionId: z.string() }).partial().optional(),
  shard: z.unknown().optional(),
});

/**
 * A handler as a Lambda function: everything around it comes from the function's environment, and its end is logged.
 * Errors go out as they are; their `name` is the code that Retry matches.
 */
export function onLambda(name: string, handler: StateHandler): LambdaHandler {
  const recording = recorded(name, handler);
  return async (event, context) => {
    const { executionId, runId, run, shard } = Traced.safeParse(event).data ?? {};
    const fields = { handler: name, run: run?.id ?? runId, shard };
    const progress = new LoggedProgress(fields);
    const began = performance.now();
    const seconds = () => Math.round(performance.now() - began) / 1000;
    try {
      const surroundings = await lambdaSurroundings({
        context,
        progress,
        executionId: run?.executionId ?? executionId,
      });
      const output = await recording(event, surroundings);
      writeLogLine({ level: 'INFO', ...fields, message: 'done', seconds: seconds(), ...progress.sum });
      return output;
    } catch (error) {
      const [code, message] = error instanceof Error ? [error.name, error.message] : ['Error', String(error)];
      writeLogLine({ level: 'ERROR', ...fields, message, error: code, seconds: seconds(), ...progress.sum });
      throw error;
    }
  };
}
