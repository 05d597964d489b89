import { findLeftovers, finishSwap, removeLeftover } from '../media/finish.ts';
import { settleMerge } from '../media/merge.ts';
import { swapBack, swapForward } from '../media/swap.ts';
import type { Database } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { isSwitched } from '../target/switch-over.ts';

/**
 * Brings the media of a run that ended at any moment to where its database is: forward when the database that the run
 * built is in use, back otherwise. Then what nobody needs is removed. Repeatable.
 */
export async function settleMedia(
  target: Database | undefined,
  media: string,
  run: { readonly id: RunId; readonly keepPrevious: boolean },
): Promise<void> {
  const leftover = (await findLeftovers(media)).find(({ runId }) => runId === run.id);
  if (!leftover) return;
  await settleMerge(media, run.id);
  if (['prepared', 'swapping', 'swapped'].includes(leftover.state)) {
    const forward =
      target !== undefined && (await isSwitched(target, { runId: run.id, target: target.address.database }));
    if (forward) {
      await swapForward(media, run.id);
      await finishSwap(media, run.id, { keepPrevious: run.keepPrevious });
      return;
    }
    await swapBack(media, run.id);
  }
  await removeLeftover(media, run.id);
}
