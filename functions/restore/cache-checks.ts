import { checkCache } from '../cache/invalidate-redis.ts';
import { type Check, fine, tried } from '../run/check.ts';
import type { Progress } from '../run/progress.ts';
import type { CacheSettings } from '../run/surroundings.ts';

/** Is a cache there that can be invalidated? Said before hours of work and not after. */
export async function cacheChecks(
  cache: CacheSettings,
  around: { readonly signal: AbortSignal; readonly progress?: Progress },
): Promise<readonly Check[]> {
  if (cache.kind === 'command') return [fine('cache', 'a command invalidates it')];
  const answers = async () => {
    await checkCache(cache.url, { ...cache, ...around });
    return 'it answers';
  };
  return tried('cache', answers, around.signal);
}
