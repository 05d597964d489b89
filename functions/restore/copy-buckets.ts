import { type CopyPhase, copyMedia } from '../media/buckets/copy-media.ts';
import { Lifetime, type Progressed } from '../run/lifetime.ts';
import { need } from '../run/require.ts';
import type { RunId } from '../run/run-id.ts';
import { find, leave } from '../run/stored.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { AddedObjects, keys } from './records.ts';
import { Restoring } from './restoring.ts';

/**
 * One phase of copying media between buckets, as far as the handler's time goes.
 * @throws what `copyMedia` throws
 */
export async function copyBuckets(
  runId: RunId,
  phase: CopyPhase,
  surroundings: Surroundings,
): Promise<Progressed> {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, progress, signal } = surroundings;
  const buckets = need(surroundings, 'mediaBuckets');
  const restoring = await Restoring.find(store, runId);
  const counts = await copyMedia(buckets, {
    phase,
    exclude: restoring.plan.excludeMedia ?? [],
    isNearlyOver: () => life.isNearlyOver,
    progress,
    signal,
  });
  if (!counts) return { more: true };
  if (phase === 'add') await leave(store, keys.addedObjects(runId), { added: counts.added });
  else {
    const { added } = await find(store, keys.addedObjects(runId), AddedObjects);
    const [from, to] = [buckets.from.uri(''), buckets.to.uri('')];
    await restoring.report('CopyMedia', { from, to, ...counts, added: added + counts.added });
  }
  return { more: false };
}
