import { errorOf } from '../functions/errors/replicator-error.ts';

export class NotConfirmed extends errorOf({
  code: 'NotConfirmed',
  exitCode: 3,
  meaning:
    'A question was answered with no, or there was no terminal to ask it at: say --yes to go on unasked.',
}) {}
