import { errorOf } from '../errors/replicator-error.ts';

export class RowsIncomplete extends errorOf({
  code: 'RowsIncomplete',
  exitCode: 1,
  meaning:
    'The rows that arrived are not the ones that the server says it sent, or not all of one snapshot; nothing of them is kept. Run the backup again.',
}) {}
