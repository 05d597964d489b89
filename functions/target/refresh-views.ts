import type { PostData } from '../definitions/post-data-groups.ts';
import type { Database } from '../postgres/session.ts';
import { definitionWork } from './piece.ts';
import type { Rebuild } from './rebuild.ts';
import { runWork, type WorkOptions } from './run-work.ts';

/**
 * Fills the materialised views that are filled at the source, in the order in which they depend on one another, each
 * once. Row security is on, as for whoever refreshes them in daily use.
 * @throws DefinitionFailed naming the view; WorkVanished
 */
export async function refreshViews(
  target: Database,
  rebuild: Rebuild,
  { refreshes }: PostData,
  options: Omit<WorkOptions, 'jobs'> = {},
): Promise<{ readonly refreshed: number; readonly more: boolean }> {
  const works = refreshes.map(({ text }) => definitionWork('refresh', [text]));
  const all = await runWork(target, rebuild, works.length > 0 ? [works] : [], {
    ...options,
    jobs: 1,
    part: 'refresh',
    prepare: (session) => session.execute('SET row_security = on'),
  });
  return { refreshed: refreshes.length, more: !all };
}
