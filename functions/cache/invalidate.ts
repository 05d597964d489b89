import type { Progress } from '../run/progress.ts';
import type { CacheSettings } from '../run/surroundings.ts';
import { invalidateByCommand } from './invalidate-by-command.ts';
import { type Invalidated, invalidateRedis } from './invalidate-redis.ts';

export type CacheOutcome =
  | ({ readonly kind: 'redis' } & Invalidated)
  | { readonly kind: 'command'; readonly seconds: number };

/** Invalidates the cache the way the settings say. @throws what the two ways throw */
export async function invalidate(
  cache: CacheSettings,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<CacheOutcome> {
  if (cache.kind === 'command') {
    const { durationMs } = await invalidateByCommand(cache.command, { signal, progress });
    return { kind: 'command', seconds: Math.round(durationMs / 100) / 10 };
  }
  const { url, keyPrefix, databases } = cache;
  const invalidated = await invalidateRedis(url, {
    ...(keyPrefix !== undefined && { keyPrefix }),
    ...(databases && { databases }),
    signal,
    progress,
  });
  return { kind: 'redis', ...invalidated };
}
