import type { SourceFacts } from '../archive/manifest.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { checkReadable } from './check-readable.ts';
import { SnapshotNotReady } from './errors.ts';
import { findKeepers, type KeeperCandidate } from './find-keeper.ts';
import { importSnapshot } from './import-snapshot.ts';
import { type Relation, readRelations } from './relations.ts';
import { type LeaveOut, type Selection, selectRelations } from './select-relations.ts';
import { readPositions, readSequences, type SequencePosition, type SequenceToRead } from './sequences.ts';
import { sessionPrefix } from './session-names.ts';
import { connectForSnapshot, snapshotIdentity, snapshotText } from './snapshot-session.ts';
import { sourceFacts, walPosition } from './source-facts.ts';
import { holdsLocks, isLockRefused } from './table-locks.ts';
import { readTables, type TableToRead } from './tables.ts';

export interface OpenSnapshotOptions {
  readonly database: Database;
  readonly backupId: RunId;
  readonly round: number;
  readonly leaveOut: LeaveOut;
  /** Looks at what was found, and at the source, under the snapshot. */
  readonly inspect?: (session: Session, found: FoundSource) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** What is to be read, while the snapshot is open. */
export interface FoundSource extends Pick<OpenedSnapshot, 'takenAt' | 'rows' | 'definitionOnly'> {
  readonly relations: readonly Relation[];
}

export interface OpenedSnapshot {
  /** What workers compare theirs with: `pg_current_snapshot()`, and the keeper's transaction on a standby. */
  readonly text: string;
  /** ISO 8601, UTC; the start of the transaction whose snapshot it is. */
  readonly takenAt: string;
  /** Read a moment after the snapshot. */
  readonly walPosition: string | null;
  readonly source: SourceFacts;
  readonly selection: Selection;
  /** Tables whose rows are to be read, by schema and name. */
  readonly rows: readonly TableToRead[];
  /** Tables of which only the definition is in the backup. */
  readonly definitionOnly: readonly TableToRead[];
  readonly sequences: readonly SequenceToRead[];
  /** Where the sequences were right after the snapshot; they are read again before sealing. */
  readonly positions: readonly SequencePosition[];
}

/**
 * What has to be true of a source before a backup of it is begun: patterns match, tables are readable, locks have room.
 * Holds nothing afterwards.
 * @throws PatternMatchesNothing, BadPattern, TableNotReadable, LockTableTooSmall, SourceTooOld
 */
export async function checkSource({
  database,
  backupId,
  leaveOut,
  signal,
}: OpenSnapshotOptions): Promise<Selection> {
  const session = await connectForSnapshot(database, {
    applicationName: `${sessionPrefix(backupId)}check`,
    ...(signal ? { signal } : {}),
  });
  try {
    const selection = selectRelations(await readRelations(session), leaveOut, database.address.database);
    await checkReadable(session, selection);
    return selection;
  } finally {
    await session.end();
  }
}

/**
 * Finds the keeper of this round, and reads under its snapshot what the backup is to hold.
 * @throws SnapshotNotReady until the keeper is there, and what checkSource throws
 */
export async function openSnapshot(options: OpenSnapshotOptions): Promise<OpenedSnapshot> {
  const { database, backupId, round, signal } = options;
  const session = await connectForSnapshot(database, {
    applicationName: `${sessionPrefix(backupId)}look`,
    ...(signal ? { signal } : {}),
  });
  try {
    const keepers = await findKeepers(session, backupId, round);
    for (const keeper of keepers) {
      if ((await importSnapshot(session, keeper)) !== undefined) return await read(session, options, keeper);
    }
  } catch (error) {
    if (isLockRefused(error))
      throw new SnapshotNotReady(`a table is being waited for exclusively: ${error.message}`, {
        cause: error,
      });
    throw error;
  } finally {
    await session.end();
  }
  // Why there is no keeper may be something that a person has to put right: that is said at once
  await checkSource(options);
  throw new SnapshotNotReady(`no session keeps a snapshot for round ${round} of backup ${backupId} yet`);
}

async function read(
  session: Session,
  { database, leaveOut, backupId, inspect }: OpenSnapshotOptions,
  keeper: KeeperCandidate,
): Promise<OpenedSnapshot> {
  const text = await snapshotText(session);
  const relations = await readRelations(session);
  const selection = selectRelations(relations, leaveOut, database.address.database);
  await checkReadable(session, selection);
  const rows = await readTables(session, selection.rows, relations);
  const definitionOnly = await readTables(session, selection.definitionOnly, relations);
  const sequences = await readSequences(session, selection, relations);
  const position = await walPosition(session);
  const source = await sourceFacts(session, database.address);
  await inspect?.(session, { takenAt: keeper.since, rows, definitionOnly, relations });
  // Last, so that it covers the sizes just read
  if (!(await holdsLocks(session, keeper.processId, selection.locked)))
    throw new SnapshotNotReady(
      `the session that keeps the snapshot of backup ${backupId} holds no locks on its tables`,
    );
  await session.execute('ROLLBACK');
  return {
    text: snapshotIdentity(text, keeper, source.standby),
    takenAt: keeper.since,
    walPosition: position,
    source,
    selection,
    rows,
    definitionOnly,
    sequences,
    positions: await readPositions(session, sequences),
  };
}
