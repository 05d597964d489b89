import { writeDefinitions } from '../../backup/definitions-object.ts';
import { roundOf, SnapshotInput } from '../../backup/input.ts';
import { type DefinitionsRecord, keys, SnapshotRecord } from '../../backup/records.ts';
import { dumpDefinitions } from '../../definitions/dump-definitions.ts';
import { newAttempt } from '../../run/attempt.ts';
import { need } from '../../run/require.ts';
import { find, leave } from '../../run/stored.ts';
import { joinSnapshot } from '../../snapshot/import-snapshot.ts';
import { sessionPrefix } from '../../snapshot/session-names.ts';
import { stateHandler } from '../state-handler.ts';

/** DumpSchema: definitions as of the snapshot, as working objects and as schema.sql. */
export const dumpSchema = stateHandler(SnapshotInput, async ({ run, options, snapshot }, surroundings) => {
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
    const definitions = await dumpDefinitions(database, session, {
      applicationName: `${sessionPrefix(run.id)}pg_dump`,
      excludeTables: leftOut,
      unfilled,
      schemaOnly: options.schemaOnly,
      signal,
    });
    const { preData, postData, schema, roles, notes } = definitions;
    const attempt = newAttempt();
    const record: DefinitionsRecord = {
      preData: await writeDefinitions(store, keys.section(at, 'pre-data', attempt), preData, signal),
      postData: await writeDefinitions(store, keys.section(at, 'post-data', attempt), postData, signal),
      roles,
      notes,
    };
    await store.put(keys.schema(at), schema);
    await leave(store, keys.definitions(at), record);
  } finally {
    await session.end();
  }
});
