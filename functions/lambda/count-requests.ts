import type { S3Client } from '@aws-sdk/client-s3';
import type { LambdaProgress } from './progress.ts';

/** Measures how often the store asked to slow down, and how often a request had to be sent again. */
export function countRequests(client: S3Client, progress: LambdaProgress): void {
  client.middlewareStack.add(
    (next) => async (request) => {
      const answer = await next(request);
      if (isThrottle(answer.response)) progress.measure('StoreThrottles', 1);
      return answer;
    },
    // Behind the one that repeats: every attempt passes
    { step: 'deserialize', name: 'countThrottles', priority: 'low' },
  );
  client.middlewareStack.add(
    (next) => async (request) => {
      const retried = (of: unknown) => {
        const attempts = attemptsOf(of);
        if (attempts > 1) progress.measure('StoreRetries', attempts - 1);
      };
      try {
        const answer = await next(request);
        retried(answer.output);
        return answer;
      } catch (error) {
        retried(error);
        throw error;
      }
    },
    { step: 'initialize', name: 'countRetries', priority: 'low' },
  );
}

function isThrottle(response: unknown): boolean {
  const status = (response as { statusCode?: number } | undefined)?.statusCode;
  return status === 503 || status === 429;
}

function attemptsOf(answer: unknown): number {
  const { attempts = 1 } = (answer as { $metadata?: { attempts?: number } } | undefined)?.$metadata ?? {};
  return attempts;
}
