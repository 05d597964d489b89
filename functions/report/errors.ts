import { errorOf } from '../errors/replicator-error.ts';

export class ReportUnknown extends errorOf({
  code: 'ReportUnknown',
  exitCode: 2,
  meaning:
    'There is no report of that restore in the store, or of any; the message names those that are there. A restore writes its report at its end.',
}) {}

export class ReportUnreadable extends errorOf({
  code: 'ReportUnreadable',
  exitCode: 4,
  meaning: 'The stored report of a restore is no JSON of the documented form: it was changed or cut short.',
}) {}
