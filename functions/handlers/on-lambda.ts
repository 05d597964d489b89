import { countRequests } from '../lambda/count-requests.ts';
import { invocationFields } from '../lambda/invocation.ts';
import { InvocationLog } from '../lambda/log.ts';
import { LambdaProgress } from '../lambda/progress.ts';
import { traceClient, traced } from '../lambda/tracing.ts';
import { errorMetric } from '../lambda/work-metrics.ts';
import { type LambdaContext, lambdaSurroundings } from '../run/lambda-surroundings.ts';
import { recorded } from './recorded.ts';
import type { StateHandler } from './state-handler.ts';

/** What Lambda calls. */
export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<unknown>;

/**
 * A handler as a Lambda function: everything around it comes from the function's environment; it is traced, measured,
 * and its end is logged. Errors go out as they are; their `name` is the code that Retry matches.
 */
export function onLambda(name: string, handler: StateHandler): LambdaHandler {
  const recording = recorded(name, handler);
  return async (event, context) => {
    const fields = invocationFields(name, event, context);
    const log = new InvocationLog(fields, context);
    const progress = new LambdaProgress(name, log);
    const began = performance.now();
    const seconds = () => Math.round(performance.now() - began) / 1000;
    try {
      const output = await traced(fields, async () => {
        const surroundings = await lambdaSurroundings({
          context,
          progress,
          executionId: fields.execution,
          onClient: (client) => countRequests(traceClient(client), progress),
        });
        return recording(event, surroundings);
      });
      log.info('done', { seconds: seconds(), ...progress.sum });
      return output;
    } catch (error) {
      const counted = errorMetric(error);
      if (counted) progress.measure(counted, 1);
      log.error(error, { seconds: seconds(), ...progress.sum });
      throw error;
    } finally {
      progress.measure('HandlerSeconds', seconds());
      progress.end();
    }
  };
}
