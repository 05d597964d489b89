import type { Surroundings } from '../run/surroundings.ts';

/**
 * Work that comes after a switch-over, or at its very end: when it fails or is aborted, the run has failed and the
 * target has changed nevertheless, which a person must be told.
 */
export async function inUseAlready<T>(
  { progress, signal }: Pick<Surroundings, 'progress' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  const say = () => progress.warn('the target is switched over: what was restored is in use');
  try {
    const result = await work();
    if (signal.aborted) say();
    return result;
  } catch (error) {
    say();
    throw error;
  }
}
