import { dumpSome } from '../../backup/dump-schema.ts';
import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { keys, SnapshotRecord } from '../../backup/records.ts';
import { Lifetime } from '../../run/lifetime.ts';
import { need } from '../../run/require.ts';
import { find } from '../../run/stored.ts';
import { joinSnapshot } from '../../snapshot/import-snapshot.ts';
import { sessionPrefix } from '../../snapshot/session-names.ts';
import { stateHandler } from '../state-handler.ts';

/** DumpSchema: definitions as of the snapshot, as working objects and as parts of schema.sql. */
export const dumpSchema = stateHandler(SnapshotInput, async ({ run, options, snapshot }, surroundings) => {
  const life = new Lifetime(surroundings.remainingMs);
  const { store, signal } = surroundings;
  const database = need(surroundings, 'source');
  const at = roundOf(run);
  const { leftOut, unfilled } = await find(store, keys.snapshot(at), SnapshotRecord);
  const session = await joinSnapshot(database, {
    backupId: run.id,
    round: run.round,
    text: snapshot.text,
    name: 'definitions',
    lock: [],
    signal,
  });
  try {
    const done = await dumpSome(store, database, session, {
      at,
      life,
      applicationName: `${sessionPrefix(run.id)}pg_dump`,
      excludeTables: leftOut,
      unfilled,
      schemaOnly: options.schemaOnly,
      signal,
    });
    return { more: !done };
  } finally {
    await session.end();
  }
});
