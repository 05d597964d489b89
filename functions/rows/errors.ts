import { errorOf } from '../errors/replicator-error.ts';

export class CopyOutlastsHandler extends errorOf({
  code: 'CopyOutlastsHandler',
  exitCode: 2,
  meaning:
    "A table is read by one COPY, because the server is older than PostgreSQL 14 or because of an extension's condition, and is too large for a worker's lifetime (15 minutes on Lambda). Back it up by the command line, update the server, or leave its rows out.",
}) {}

export class RowsIncomplete extends errorOf({
  code: 'RowsIncomplete',
  exitCode: 1,
  meaning:
    'The rows that arrived are not the ones that the server says it sent, or not all of one snapshot; nothing of them is kept. Run the backup again.',
}) {}
