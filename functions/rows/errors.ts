import { errorOf } from '../errors/replicator-error.ts';

export class RowTooLarge extends errorOf({
  code: 'RowTooLarge',
  exitCode: 1,
  meaning:
    'A row is larger than what this process has memory for; rows of up to a gigabyte can be backed up where there are three. Give the worker more memory (on Lambda: the function named in the message), or leave the rows of the table out.',
}) {}

export class RowsIncomplete extends errorOf({
  code: 'RowsIncomplete',
  exitCode: 1,
  meaning:
    'The rows that arrived are not the ones that the server says it sent, or not all of one snapshot; nothing of them is kept. Run the backup again.',
}) {}
