import { writeDefinitions } from '../../backup/definitions-object.ts';
import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { keys, SnapshotRecord } from '../../backup/records.ts';
import { sequencesSql } from '../../definitions/sequences-sql.ts';
import { readSequencesAgain } from '../../rows/read-sequences.ts';
import { newAttempt } from '../../run/attempt.ts';
import { need } from '../../run/require.ts';
import { find, leave } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

/** ReadSequences: no snapshot holds them, so they are read after the rows and counted on to what the rows reached. */
export const readSequences = stateHandler(SnapshotInput, async ({ run, snapshot }, surroundings) => {
  const { store, signal } = surroundings;
  const at = roundOf(run);
  const { sequences, positions } = await find(store, keys.snapshot(at), SnapshotRecord);
  const read = await readSequencesAgain({
    database: need(surroundings, 'source'),
    backupId: run.id,
    round: run.round,
    text: snapshot.text,
    sequences,
    earlier: positions,
    signal,
  });
  const sql = sequencesSql(read.sequences);
  const result = await writeDefinitions(
    store,
    keys.section(at, 'sequences', newAttempt()),
    sql && `${sql}\n`,
    signal,
  );
  await leave(store, keys.sequences(at), { result, entries: read.sequences, notes: read.notes });
});
