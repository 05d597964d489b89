import type { PostData } from '../definitions/post-data-groups.ts';
import type { Database } from '../postgres/session.ts';
import type { Rebuild } from './rebuild.ts';
import { named } from './run-definitions.ts';
import { withLoader } from './sessions.ts';

/**
 * Fills the materialised views that are filled at the source, in the order in which they depend on one another.
 * Repeatable. Row security is on, as for whoever refreshes them in daily use.
 * @throws DefinitionFailed naming the view
 */
export async function refreshViews(
  target: Database,
  rebuild: Rebuild,
  postData: PostData,
  signal?: AbortSignal,
): Promise<{ readonly refreshed: number }> {
  const { refreshes } = postData;
  if (refreshes.length === 0) return { refreshed: 0 };
  await withLoader(target, rebuild, { part: 'refresh', signal }, async (session) => {
    await session.execute('SET row_security = on');
    for (const refresh of refreshes) {
      try {
        await session.execute(refresh.text);
      } catch (error) {
        throw named(refresh, error);
      }
    }
  });
  return { refreshed: refreshes.length };
}
