import { setTimeout as sleep } from 'node:timers/promises';
import { applyProfile, type ProfiledSource } from '../../backup/apply-profile.ts';
import { BackupInput, leaveOutOf, roundOf } from '../../backup/input.ts';
import { keys, type SnapshotRecord } from '../../backup/records.ts';
import { kindOf, ReplicatorError } from '../../errors/replicator-error.ts';
import { readFailure } from '../../run/failure.ts';
import type { Round } from '../../run/keys.ts';
import { need } from '../../run/require.ts';
import type { SnapshotState } from '../../run/state.ts';
import { leave } from '../../run/stored.ts';
import { SnapshotNotReady } from '../../snapshot/errors.ts';
import {
  openSnapshot as look,
  type OpenedSnapshot,
  type OpenSnapshotOptions,
} from '../../snapshot/open-snapshot.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { stateHandler } from '../state-handler.ts';

/** Looks this often before the machine is asked to come again. */
const looks = 40;
const pauseMs = 100;

/** OpenSnapshot: finds the keeper's snapshot and writes down what the backup is to hold. */
export const openSnapshot = stateHandler(BackupInput, async ({ run, options }, surroundings) => {
  const { store, signal } = surroundings;
  const at = roundOf(run);
  const { sourceProfile } = surroundings;
  let profiled: ProfiledSource | undefined;
  const opened = await lookFor(store, at, {
    database: need(surroundings, 'source'),
    backupId: run.id,
    round: run.round,
    leaveOut: leaveOutOf(options),
    ...(sourceProfile && {
      inspect: async (session, found) => {
        profiled = await applyProfile(sourceProfile, session, found);
      },
    }),
    signal,
  });
  const { source, selection, sequences, positions } = opened;
  const { rows, definitionOnly, changes, notes } = profiled ?? { ...opened, changes: undefined, notes: [] };
  if (rows.some(({ changed }) => changed?.keyed)) need(surroundings, 'maskKey');
  const record: SnapshotRecord = {
    source,
    rows: [...rows],
    definitionOnly: [...definitionOnly],
    leftOut: selection.leftOut.map(({ schema, name }) => ({ schema, name })),
    unfilled: selection.notRefreshed.map(({ schema, name }) => ({ schema, name })),
    sequences: [...sequences],
    positions: [...positions],
    notes: [...selection.notes, ...notes],
    ...(changes && { profile: changes }),
  };
  await leave(store, keys.snapshot(at), record);
  const state: SnapshotState = {
    text: opened.text,
    takenAt: opened.takenAt,
    walPosition: opened.walPosition,
    encoding: source.encoding,
  };
  return state;
});

async function lookFor(store: ObjectStore, at: Round, options: OpenSnapshotOptions): Promise<OpenedSnapshot> {
  for (let time = 1; ; time++) {
    try {
      return await look(options);
    } catch (error) {
      if (!(error instanceof SnapshotNotReady)) throw error;
      await throwKeepersFailure(store, at);
      if (time >= looks) throw error;
      await sleep(pauseMs, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}

/** A keeper that has failed won't come: what it failed of is what the person should read. */
async function throwKeepersFailure(store: ObjectStore, at: Round): Promise<void> {
  const failure = await readFailure(store, at);
  const kind = failure && kindOf(failure.error);
  if (failure && kind) throw new ReplicatorError(kind, failure.message);
}
