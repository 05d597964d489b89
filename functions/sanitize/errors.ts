import { errorOf } from '../errors/replicator-error.ts';

export class SanitizeFailed extends errorOf({
  code: 'SanitizeFailed',
  exitCode: 1,
  meaning:
    'A sanitising statement failed; nothing of it stays and the target is as before. The message holds the statement.',
}) {}

export class AdminMissing extends errorOf({
  code: 'AdminMissing',
  exitCode: 2,
  meaning:
    'The user that --keep-admin names is no active superuser of the backup; the target is as before. Name another, or use --staging-admin.',
}) {}

export class MasksCollide extends errorOf({
  code: 'MasksCollide',
  exitCode: 1,
  meaning:
    "A profile's masks gave the same value twice in a column that must be unique; the target is as before. The message names the table.",
}) {}
