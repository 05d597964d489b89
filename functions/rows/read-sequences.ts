import type { SequenceEntry } from '../archive/manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { joinSnapshot } from '../snapshot/import-snapshot.ts';
import {
  readPositions,
  readReached,
  type SequencePosition,
  type SequenceToRead,
} from '../snapshot/sequences.ts';
import { sessionPrefix } from '../snapshot/session-names.ts';
import { connectForSnapshot } from '../snapshot/snapshot-session.ts';

export interface ReadSequencesOptions {
  readonly database: Database;
  readonly backupId: RunId;
  readonly round: number;
  /** Of the snapshot. */
  readonly text: string;
  readonly sequences: readonly SequenceToRead[];
  /** Positions read right after the snapshot was taken. */
  readonly earlier: readonly SequencePosition[];
  readonly lockWaitSeconds?: number;
  readonly signal?: AbortSignal;
}

export interface ReadSequences {
  readonly sequences: SequenceEntry[];
  /** Sequences that were moved on because the backed-up rows had values beyond them, for a person to read. */
  readonly notes: string[];
}

/**
 * The positions that a restored database goes on from. Sequences are under no snapshot: they are read after it and
 * again now, the farther along counts, and none is behind the rows of the backup in the column that owns it.
 * @throws SnapshotLost, TableLocked
 */
export async function readSequencesAgain(options: ReadSequencesOptions): Promise<ReadSequences> {
  const { database, sequences, signal } = options;
  if (sequences.length === 0) return { sequences: [], notes: [] };
  const session = await connectForSnapshot(database, {
    applicationName: `${sessionPrefix(options.backupId)}sequences`,
    ...(signal ? { signal } : {}),
  });
  let now: SequencePosition[];
  try {
    now = await readPositions(session, sequences);
  } finally {
    await session.end();
  }
  return reconcile(sequences, options.earlier, now, await reachedUnderSnapshot(options));
}

async function reachedUnderSnapshot(options: ReadSequencesOptions): Promise<(string | null)[]> {
  const holders = new Map(
    options.sequences.flatMap((sequence) => sequence.holders).map((table) => [table.oid, table]),
  );
  if (holders.size === 0) return options.sequences.map(() => null);
  const { backupId, round, text, lockWaitSeconds, signal } = options;
  const session = await joinSnapshot(options.database, {
    backupId,
    round,
    text,
    name: 'columns',
    lock: [...holders.values()],
    settings: { row_security: 'off' },
    ...(lockWaitSeconds === undefined ? {} : { lockWaitSeconds }),
    ...(signal ? { signal } : {}),
  });
  try {
    return await readReached(session, options.sequences);
  } finally {
    await session.end();
  }
}

/**
 * The farther along of two readings of each sequence, and not behind what its column has reached.
 * A sequence that begins again at its end is taken as it is now.
 * @param reached by index of `sequences`
 */
export function reconcile(
  sequences: readonly SequenceToRead[],
  earlier: readonly SequencePosition[],
  now: readonly SequencePosition[],
  reached: readonly (string | null)[],
): ReadSequences {
  const before = byName(earlier);
  const after = byName(now);
  const notes: string[] = [];
  const entries = sequences.flatMap((sequence, index) => {
    const key = relationKey(sequence);
    const first = before.get(key);
    const second = after.get(key);
    const position =
      first && second && !sequence.cycles ? farther(sequence, first, second) : (second ?? first);
    if (position === undefined) return [];
    const { lastValue, isCalled } = raised(sequence, position, reached[index] ?? null, notes);
    return [{ schema: sequence.schema, name: sequence.name, lastValue, isCalled, ownedBy: sequence.ownedBy }];
  });
  return { sequences: entries, notes };
}

/** What a sequence gives next is what counts; one that was called is a step farther than one that wasn't. */
function farther(sequence: SequenceToRead, a: SequencePosition, b: SequencePosition): SequencePosition {
  const order = compare(sequence, a.lastValue, b.lastValue);
  if (order === 0) return a.isCalled ? a : b;
  return order > 0 ? a : b;
}

function raised(
  sequence: SequenceToRead,
  position: SequencePosition,
  reached: string | null,
  notes: string[],
): SequencePosition {
  if (reached === null) return position;
  const order = compare(sequence, reached, position.lastValue);
  if (order < 0 || (order === 0 && position.isCalled)) return position;
  // A value that the sequence can't take was never one of its own
  if (BigInt(reached) < BigInt(sequence.least) || BigInt(reached) > BigInt(sequence.greatest))
    return position;
  notes.push(
    `sequence ${sequence.schema}.${sequence.name} was at ${position.lastValue}, its column has reached ${reached}: the backup has it there`,
  );
  return { ...position, lastValue: reached, isCalled: true };
}

/** Above 0: `a` is farther along. */
function compare({ descending }: SequenceToRead, a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  const sign = difference > 0n ? 1 : difference < 0n ? -1 : 0;
  return descending ? -sign : sign;
}

function byName(positions: readonly SequencePosition[]): ReadonlyMap<string, SequencePosition> {
  return new Map(positions.map((position) => [relationKey(position), position]));
}
