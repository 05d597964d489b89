import { NothingKept } from '../media/errors.ts';
import { findLeftovers, removePrevious } from '../media/finish.ts';
import { describeAddress } from '../postgres/address.ts';
import type { RunId } from '../run/run-id.ts';
import { dropKeptDatabase } from '../target/previous.ts';
import { findKept, withSessionBeside } from './find-kept.ts';
import { checkTargetOfUndo, type UndoRequest } from './plan-undo.ts';

/**
 * Removes what restores and undos have kept of a target: databases, and media where a directory is given.
 * @param confirm throws when a person does not want it
 * @returns whose it was
 * @throws NothingKept, and what speaks against changing the target at all
 */
export async function dropKept(
  request: UndoRequest,
  which: RunId | 'all',
  confirm: (ids: readonly RunId[]) => Promise<void>,
): Promise<readonly RunId[]> {
  const { target, runId, media, signal } = request;
  const name = target.address.database;
  await checkTargetOfUndo(request);
  return withSessionBeside(target, runId, signal, async (session) => {
    const { kept } = await findKept(session, name, media);
    const folders = media === undefined ? [] : await findLeftovers(media);
    const found = new Set([
      ...kept.map((one) => one.runId),
      ...folders.filter(({ state }) => state === 'kept').map((folder) => folder.runId),
    ]);
    const ids = [...found].sort().filter((id) => which === 'all' || id === which);
    if (ids.length === 0)
      throw new NothingKept(
        `${describeAddress(target.address)}: ${which === 'all' ? 'nothing is kept' : `run ${which} has kept nothing`}`,
      );
    await confirm(ids);
    for (const id of ids) {
      signal.throwIfAborted();
      await dropKeptDatabase(session, name, id);
      if (media !== undefined) await removePrevious(media, id);
    }
    return ids;
  });
}
