import { errorOf } from '../errors/replicator-error.ts';

export class DamagedBackup extends errorOf({
  code: 'DamagedBackup',
  exitCode: 4,
  meaning:
    'A file of a backup is not what the manifest says: missing, cut short or changed. Use another backup.',
}) {}

export class ManifestTooNew extends errorOf({
  code: 'ManifestTooNew',
  exitCode: 2,
  meaning:
    'The backup was written by a newer version of this program, in a newer format. Update the program.',
}) {}

export class BackupUnknown extends errorOf({
  code: 'BackupUnknown',
  exitCode: 2,
  meaning: 'There is no sealed backup of this id at `--store`; the message lists the newest that exist.',
}) {}

export class NoBackupYet extends errorOf({
  code: 'NoBackupYet',
  exitCode: 2,
  meaning: 'There is no sealed backup at `--store` yet. Make one, or correct `--store`.',
}) {}

export class BackupIncomplete extends errorOf({
  code: 'BackupIncomplete',
  exitCode: 1,
  meaning: 'The shards that were read do not add up to every row of every table, so nothing was sealed.',
}) {}

export class BackupSealedDifferently extends errorOf({
  code: 'BackupSealedDifferently',
  exitCode: 1,
  meaning: 'A sealed backup of the same id and with another content exists; it is never changed.',
}) {}

export class FileExists extends errorOf({
  code: 'FileExists',
  exitCode: 2,
  meaning: 'A file to be exported exists already. Name another directory, or add `--force`.',
}) {}

export class DirectoryUnusable extends errorOf({
  code: 'DirectoryUnusable',
  exitCode: 2,
  meaning: 'The directory to export into does not exist or cannot be written.',
}) {}

export class RowTooLarge extends errorOf({
  code: 'RowTooLarge',
  exitCode: 1,
  meaning:
    'A row is larger than what this process has memory for; rows of up to a gigabyte can be backed up where there are three. Give the worker more memory (on Lambda: the function named in the message), or leave the rows of the table out.',
}) {}
