import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { enableEventTriggers } from './add-triggers.ts';
import { bookkeepingSchema, dropBookkeeping } from './bookkeeping.ts';
import { type Carried, carryGrants } from './carry-grants.ts';
import { carrySettings, propertyStatements, propertyWords, readProperties } from './carry-settings.ts';
import { DefinitionFailed } from './errors.ts';
import { findLeftBehind } from './left-behind.ts';
import { applicationName } from './names.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader, openMaintenance } from './sessions.ts';
import { type Swapped, swapNames } from './swap-names.ts';
import { carriedComment, commentOn, readDatabaseComment, restoredOf } from './target-mark.ts';

/** The databases that change places. */
export type Names = Pick<Rebuild, 'runId' | 'target' | 'hidden' | 'previous'>;

export interface SwitchedOver extends Swapped {
  /** Name that the database has now that was in use before. */
  readonly previous: string;
  /** What the old database had at database level and the new one has now, in words. */
  readonly carriedOver: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Brings the rebuilt database into use under the target's name: rights, settings and comment of the old one are
 * carried over, then both are renamed in one transaction. Repeatable at every point: a second call after the rename
 * finds it done.
 * @throws SessionsInTheWay; the target is as before then
 */
export async function switchOver(
  target: Database,
  rebuild: Rebuild,
  options: {
    readonly backupId: string;
    /** Media are exchanged along with it: whoever undoes it later has to know. */
    readonly media?: boolean | undefined;
    /** Called right before the renames are committed, without a pause; when it throws, they are undone. */
    readonly beforeCommit?: (() => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SwitchedOver> {
  const { backupId, signal } = options;
  signal?.throwIfAborted();
  // An abort must not cut the renaming session off: whether its commit came through could not be told
  return withMaintenance(target, rebuild, undefined, async (renamer, ender) => {
    const already = { previous: rebuild.previous, endedSessions: 0, awayMs: 0, carriedOver: [], notes: [] };
    if (await isSwitchedBy(renamer, rebuild)) return already;
    const rights = await finishHidden(target, rebuild, signal);
    const settings = await inTransaction(renamer, () => carrySettings(renamer, rebuild));

    const old = await readProperties(renamer, rebuild.target);
    const made = await readProperties(renamer, rebuild.hidden);
    if (!old || !made) throw missing(old ? rebuild.hidden : rebuild.target);
    const comment = carriedComment(old.comment, {
      runId: rebuild.runId,
      backupId,
      media: options.media ?? false,
      at: new Date().toISOString(),
    });
    const swapped = await swapNames(renamer, ender, {
      current: rebuild.target,
      currentOid: old.oid,
      aside: rebuild.previous,
      next: rebuild.hidden,
      nextOid: made.oid,
      beforeCommit: options.beforeCommit,
      signal,
      statements: [...propertyStatements(rebuild.target, made, old), commentOn(rebuild.target, comment)],
    });
    return {
      ...swapped,
      previous: rebuild.previous,
      carriedOver: [...propertyWords(old), ...settings.carried, ...rights.carried],
      notes: [...rights.notes, ...settings.notes],
    };
  });
}

/** Whether the database in use under the target's name is the one that this run built. */
export async function isSwitched(
  target: Database,
  rebuild: Pick<Rebuild, 'runId' | 'target'>,
  signal?: AbortSignal,
): Promise<boolean> {
  const session = await openMaintenance(target, {
    applicationName: applicationName(rebuild.runId, 'switched'),
    avoid: [rebuild.target],
    signal,
  });
  try {
    return await isSwitchedBy(session, rebuild);
  } finally {
    await session.end();
  }
}

/** Puts the previous database back into use; the rebuilt one gets its hidden name again. Repeatable. */
export async function switchBack(target: Database, rebuild: Names, signal?: AbortSignal): Promise<Swapped> {
  return withMaintenance(target, rebuild, signal, async (renamer, ender) => {
    if (!(await isSwitchedBy(renamer, rebuild))) return { endedSessions: 0, awayMs: 0 };
    const current = await readProperties(renamer, rebuild.target);
    const previous = await readProperties(renamer, rebuild.previous);
    if (!current || !previous) throw missing(current ? rebuild.previous : rebuild.target);
    return swapNames(renamer, ender, {
      current: rebuild.target,
      currentOid: current.oid,
      aside: rebuild.hidden,
      next: rebuild.previous,
      nextOid: previous.oid,
      statements: [],
    });
  });
}

/** Drops what was in use before the switch-over. Repeatable; does nothing while the target is not switched over. */
export async function dropPrevious(
  target: Database,
  rebuild: Rebuild,
  signal?: AbortSignal,
): Promise<boolean> {
  return withMaintenance(target, rebuild, signal, async (session) => {
    if (!(await isSwitchedBy(session, rebuild))) return false;
    const previous = await readProperties(session, rebuild.previous);
    if (previous) await dropDatabase(session, rebuild.previous);
    return previous !== undefined;
  });
}

export async function dropDatabase(session: Session, name: string): Promise<void> {
  // FORCE came with PostgreSQL 13
  const force = session.serverVersion >= 130_000 ? ' WITH (FORCE)' : '';
  await session.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)}${force}`);
}

export async function isSwitchedBy(
  session: Session,
  rebuild: Pick<Rebuild, 'runId' | 'target'>,
): Promise<boolean> {
  return restoredOf(await readDatabaseComment(session, rebuild.target))?.runId === rebuild.runId;
}

/** Rights, the end of the bookkeeping, and event triggers, in one transaction: done when the bookkeeping is gone. */
async function finishHidden(target: Database, rebuild: Rebuild, signal?: AbortSignal): Promise<Carried> {
  const made = await openLoader(target, rebuild, { part: 'switch', asOwner: false, signal });
  const old = await target.connect({
    applicationName: applicationName(rebuild.runId, 'switch'),
    settings: { search_path: '', default_transaction_read_only: 'off' },
    ...(signal && { signal }),
  });
  try {
    const [open] = await made.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [
      bookkeepingSchema,
    ]);
    if (!open) return { carried: [], notes: [] };
    const left = await findLeftBehind(old, made);
    return await inTransaction(made, async () => {
      const { carried, notes } = await carryGrants(old, made);
      const enable = await enableEventTriggers(made);
      await dropBookkeeping(made);
      await enable();
      return { carried, notes: [...notes, ...left] };
    });
  } finally {
    await Promise.all([made.end(), old.end()]);
  }
}

async function inTransaction<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.execute('BEGIN');
  try {
    const result = await work();
    await session.execute('COMMIT');
    return result;
  } catch (error) {
    await session.execute('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Two sessions that are in none of the databases to be renamed. */
export async function withMaintenance<T>(
  target: Database,
  rebuild: Names,
  signal: AbortSignal | undefined,
  work: (renamer: Session, ender: Session) => Promise<T>,
): Promise<T> {
  const open = () =>
    openMaintenance(target, {
      applicationName: applicationName(rebuild.runId, 'switch'),
      avoid: [rebuild.target, rebuild.hidden, rebuild.previous],
      signal,
    });
  const renamer = await open();
  try {
    const ender = await open();
    try {
      return await work(renamer, ender);
    } finally {
      await ender.end();
    }
  } finally {
    await renamer.end();
  }
}

export function missing(name: string): DefinitionFailed {
  return new DefinitionFailed(
    `the database "${name}" is gone: someone renamed or dropped it during the restore`,
  );
}
