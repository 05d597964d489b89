import { z } from 'zod';
import type { Progress } from '../run/progress.ts';

/** What the machine left of a nested CleanUp: `SUCCEEDED`, or `FAILED` and the error that it caught. */
export const CleanedUp = z.object({ status: z.string() }).optional();

/** A CleanUp that failed fails no run that had come to its end, and must not go unseen either. */
export function tellOfCleanUp(
  cleanUp: z.infer<typeof CleanedUp>,
  progress: Progress,
): { readonly cleanUp?: 'FAILED' } {
  if (cleanUp?.status !== 'FAILED') return {};
  progress.warn('CleanUp failed: the next run on the same database removes what is left');
  return { cleanUp: 'FAILED' };
}
