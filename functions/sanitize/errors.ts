import { errorOf } from '../errors/replicator-error.ts';

export class SanitizeFailed extends errorOf({
  code: 'SanitizeFailed',
  exitCode: 1,
  meaning:
    'A sanitising statement failed; nothing of it stays and the target is as before. The message holds the statement.',
}) {}
