import { Tracer } from '@aws-lambda-powertools/tracer';
import type { S3Client } from '@aws-sdk/client-s3';
import type { InvocationFields } from './invocation.ts';

/**
 * X-Ray (Powertools' Tracer): a subsegment for every invocation and below it one for every request of an AWS client.
 * Does nothing outside Lambda, and nothing fails because the daemon is away: segments go to it by UDP. Inputs and
 * outputs of handlers are not recorded; of requests only operation, status and what X-Ray's own list names (bucket, key).
 */
const tracer = new Tracer({ serviceName: 'nautobot-replicator', captureHTTPsRequests: false });

/** Runs an invocation in a subsegment of its own, which can be searched for by run, backup and state. */
export async function traced<T>(fields: InvocationFields, work: () => Promise<T>): Promise<T> {
  if (!tracer.isTracingEnabled()) return work();
  return tracer.provider.captureAsyncFunc(`## ${fields.state}`, async (segment) => {
    for (const [key, value] of Object.entries(fields)) segment?.addAnnotation(key, value);
    tracer.annotateColdStart();
    try {
      return await work();
    } catch (error) {
      segment?.addErrorFlag();
      if (error instanceof Error) segment?.addAnnotation('error', error.name);
      throw error;
    } finally {
      segment?.close();
    }
  }) as Promise<T>;
}

/** Lets the requests of a client appear below the invocation. */
export function traceClient<Client extends Pick<S3Client, 'middlewareStack' | 'config'>>(
  client: Client,
): Client {
  return tracer.captureAWSv3Client(client);
}
