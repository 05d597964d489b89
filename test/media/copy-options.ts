import type { CopyOptions } from '../../functions/media/buckets/copy-media.ts';
import { silence } from '../../functions/run/progress.ts';

/** Of a phase that has all the time there is. */
export const options = (phase: CopyOptions['phase'], more: Partial<CopyOptions> = {}): CopyOptions => ({
  phase,
  exclude: [],
  isNearlyOver: () => false,
  progress: silence,
  signal: new AbortController().signal,
  ...more,
});
