import { errorOf } from '../errors/replicator-error.ts';

export class PatternMatchesNothing extends errorOf({
  code: 'PatternMatchesNothing',
  exitCode: 2,
  meaning:
    'A table pattern matches no table of the database: a typing error, or a schema that is not on the search path (write schema.table).',
}) {}

export class BadPattern extends errorOf({
  code: 'BadPattern',
  exitCode: 2,
  meaning:
    "A table pattern can't be read; patterns are those of pg_dump's -t: name, schema.name, *, ?, quotes.",
}) {}

export class TableNotReadable extends errorOf({
  code: 'TableNotReadable',
  exitCode: 2,
  meaning:
    "The role of --source may not read a table (SELECT is missing, row security would hide rows, or it is unlogged and the source is a standby): GRANT pg_read_all_data, use a role with BYPASSRLS, or leave the table's rows out.",
}) {}

export class LockTableTooSmall extends errorOf({
  code: 'LockTableTooSmall',
  exitCode: 2,
  meaning:
    "The source's lock table has no room for a lock on every table: raise max_locks_per_transaction to the value that the message names, and restart the server.",
}) {}

export class SnapshotBlocked extends errorOf({
  code: 'SnapshotBlocked',
  exitCode: 1,
  meaning:
    'A transaction of the source holds a table exclusively (ALTER TABLE, TRUNCATE, VACUUM FULL) for longer than the backup waits: run the backup again when it has ended.',
}) {}

export class TablesKeepChanging extends errorOf({
  code: 'TablesKeepChanging',
  exitCode: 1,
  meaning:
    'Tables were created or replaced each time the backup opened its snapshot: run it again when the migration has ended.',
}) {}

export class SnapshotNotReady extends errorOf({
  code: 'SnapshotNotReady',
  exitCode: 1,
  meaning: 'No keeper holds the snapshot of this backup yet; the state machine asks again by itself.',
}) {}

export class SnapshotLost extends errorOf({
  code: 'SnapshotLost',
  exitCode: 1,
  startOver: true,
  meaning:
    "The session that kept the backup's snapshot has ended, so no further rows can be read as of it; the backup starts over once by itself.",
}) {}

export class TableLocked extends errorOf({
  code: 'TableLocked',
  exitCode: 1,
  startOver: true,
  meaning:
    'Someone waits for an exclusive lock on a table that a worker is to read (a migration); the backup starts over once by itself.',
}) {}

export class BackupYielded extends errorOf({
  code: 'BackupYielded',
  exitCode: 1,
  startOver: true,
  meaning:
    "A transaction of the source waited for the backup's locks for longer than allowed, and the backup gave way to it; it starts over once by itself.",
}) {}

export class SourceTooOld extends errorOf({
  code: 'SourceTooOld',
  exitCode: 2,
  meaning: 'The source runs a PostgreSQL older than 12, which this program does not read.',
}) {}
