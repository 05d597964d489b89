import type { Database } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { propertyStatements, readProperties } from './carry-settings.ts';
import { previousDatabaseName } from './names.ts';
import { type Swapped, swapNames } from './swap-names.ts';
import { isSwitchedBy, missing, type Names, withMaintenance } from './switch-over.ts';
import { commentOn, undoneComment } from './target-mark.ts';

/** @param undoes the run whose kept database comes back into use */
export function undoNames(target: string, runId: RunId, undoes: RunId): Names {
  return {
    runId,
    target,
    hidden: previousDatabaseName(target, undoes),
    previous: previousDatabaseName(target, runId),
  };
}

/**
 * Brings a database that a restore has kept back into use under the target's name and keeps the one that is in use, in one
 * transaction. Database-level rights, connection limit and comment (the mark) are those of the target, as at a
 * switch-over; objects have the rights that they had. Repeatable: a second call after the renames finds them done.
 * @throws SessionsInTheWay; the target is as before then
 */
export async function bringBack(
  target: Database,
  names: Names,
  options: {
    readonly undoes: RunId;
    readonly media: boolean;
    /** As of `switchOver`. */
    readonly beforeCommit?: (() => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Swapped> {
  options.signal?.throwIfAborted();
  return withMaintenance(target, names, undefined, async (renamer, ender) => {
    if (await isSwitchedBy(renamer, names)) return { endedSessions: 0, awayMs: 0 };
    const current = await readProperties(renamer, names.target);
    const kept = await readProperties(renamer, names.hidden);
    if (!current || !kept) throw missing(current ? names.hidden : names.target);
    const comment = undoneComment(current.comment, kept.comment, {
      runId: names.runId,
      undoes: options.undoes,
      media: options.media,
      at: new Date().toISOString(),
    });
    return swapNames(renamer, ender, {
      current: names.target,
      currentOid: current.oid,
      aside: names.previous,
      next: names.hidden,
      nextOid: kept.oid,
      beforeCommit: options.beforeCommit,
      signal: options.signal,
      statements: [...propertyStatements(names.target, kept, current), commentOn(names.target, comment)],
    });
  });
}
