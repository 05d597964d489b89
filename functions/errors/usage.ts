import { errorOf } from './replicator-error.ts';

export class UsageError extends errorOf({
  code: 'UsageError',
  exitCode: 2,
  meaning: 'An option or argument is missing, unknown or malformed; the message names it.',
}) {}

export class Interrupted extends errorOf({
  code: 'Interrupted',
  exitCode: 130,
  meaning: 'The run was ended by Ctrl-C or a signal; what it had built was removed.',
}) {}

export class InternalError extends errorOf({
  code: 'InternalError',
  exitCode: 1,
  meaning: 'A promise inside the program does not hold: please report it with the message.',
}) {}
