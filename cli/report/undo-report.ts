import type { CacheOutcome } from '../../functions/cache/invalidate.ts';
import { describeAddress, type PostgresAddress } from '../../functions/postgres/address.ts';
import type { RunId } from '../../functions/run/run-id.ts';
import type { Restored } from '../../functions/target/target-mark.ts';
import type { KeptOfTarget } from '../../functions/undo/find-kept.ts';
import type { UndoPlan } from '../../functions/undo/plan-undo.ts';
import { bytes, count, counted, duration, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';

/** What `undo --list` finds. */
export interface KeptList extends KeptOfTarget {
  /** `user@host:port/database` */
  readonly target: string;
}

/** What an undo came to. */
export interface UndoOutcome {
  readonly target: string;
  /** This undo: what it has kept is found under this id. */
  readonly runId: RunId;
  /** The run that was undone. */
  readonly undone: RunId;
  /** Where the database came from that is in use now; null: from no restore. */
  readonly restored: Restored | null;
  /** Media were exchanged too. */
  readonly media: boolean;
  /** Name of the database that was in use. */
  readonly kept: string;
  readonly endedSessions: number;
  readonly awayMilliseconds: number;
  readonly cache: CacheOutcome | null;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

export function keptLines({ target, current, kept }: KeptList): string[] {
  const inUse = `In use on ${target}: ${origin(current)}`;
  if (kept.length === 0) return [inUse, 'nothing is kept to go back to'];
  return [
    inUse,
    '',
    ...tableLines(
      [
        { title: 'PUT ASIDE BY' },
        { title: 'WHAT IT IS' },
        { title: 'DATABASE' },
        { title: 'SIZE', right: true },
        { title: 'MEDIA' },
        { title: '' },
      ],
      kept.map((one) => [
        one.runId,
        origin(one.restored),
        one.name,
        one.bytes === null ? '?' : bytes(one.bytes),
        one.media === undefined ? '?' : one.media ? 'kept' : '-',
        one.isLast ? 'next' : '',
      ]),
    ),
  ];
}

export function droppedLines(dropped: readonly RunId[]): string[] {
  return dropped.map((runId) => `what ${runId} had kept is removed`);
}

export function questionOf(address: PostgresAddress, { current, kept }: UndoPlan): string {
  return [
    `${describeAddress(address)} is ${origin(current)}.`,
    `Bring back what was in use before: ${origin(kept.restored)}${kept.media ? ', with its media' : ''}?`,
  ].join('\n');
}

export function undoLines(outcome: UndoOutcome): string[] {
  const { target, restored, media, kept, cache } = outcome;
  return [
    `${target} is again ${origin(restored ?? undefined)}${media ? ', with its media' : ''}`,
    `  switched over within ${duration(outcome.awayMilliseconds)}; ${counted(outcome.endedSessions, 'session')} ended`,
    `  what was in use is kept as database ${kept}; undo --run ${outcome.runId} brings it back`,
    ...(cache === null
      ? []
      : cache.kind === 'command'
        ? [`  cache: the command took ${duration(cache.seconds * 1000)}`]
        : [`  cache: ${counted(cache.deleted, 'key')} deleted, ${count(cache.remaining)} are there`]),
    ...outcome.notes.map((note) => `  note: ${note}`),
  ];
}

function origin(restored: Restored | undefined): string {
  if (!restored) return 'as it was before any restore';
  const { backupId, runId, undid, at } = restored;
  const what = backupId === undefined ? 'as it was before any restore' : `backup ${backupId}`;
  return `${what}, in use since ${moment(at)} (${undid === undefined ? 'restore' : 'undo'} ${runId})`;
}
