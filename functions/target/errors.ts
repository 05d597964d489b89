import { errorOf } from '../errors/replicator-error.ts';

export class TargetUnfit extends errorOf({
  code: 'TargetUnfit',
  exitCode: 2,
  meaning:
    'The target server or its role lacks something that the restore needs; the message lists everything found, nothing was built.',
}) {}

export class TargetIsSource extends errorOf({
  code: 'TargetIsSource',
  exitCode: 3,
  meaning:
    'The target is the database that the backup came from. Check --target; --allow-source says that this is meant.',
}) {}

export class TargetNotAllowed extends errorOf({
  code: 'TargetNotAllowed',
  exitCode: 3,
  meaning:
    'The target carries no mark as a restore target: run `replicator allow-target URL`, or confirm with --yes.',
}) {}

export class TargetNotListed extends errorOf({
  code: 'TargetNotListed',
  exitCode: 3,
  meaning:
    'REPLICATOR_ALLOWED_TARGETS is set and does not name the target: check --target, or add it to the list.',
}) {}

export class TargetRunsOlderCode extends errorOf({
  code: 'TargetRunsOlderCode',
  exitCode: 3,
  meaning:
    "The backup's django_migrations are ahead of the target's, so that the target's Nautobot is older than the data; update it first, or say --allow-older-code.",
}) {}

export class TableDiffers extends errorOf({
  code: 'TableDiffers',
  exitCode: 3,
  meaning:
    "A table that --table selects has other columns in the target than in the backup; bring the target to the backup's version, or restore everything.",
}) {}

export class SessionsInTheWay extends errorOf({
  code: 'SessionsInTheWay',
  exitCode: 1,
  meaning:
    'Sessions of the target could not be ended in time, so it was not switched over and is as before; the message names them.',
}) {}

export class TargetBusy extends errorOf({
  code: 'TargetBusy',
  exitCode: 1,
  meaning:
    'Tables of the target stayed locked by others for too long; nothing was changed. Try again when they are idle.',
}) {}

export class DefinitionFailed extends errorOf({
  code: 'DefinitionFailed',
  exitCode: 1,
  meaning:
    "The target server refused a definition from the backup; the message holds the statement and the server's words. The target is as before.",
}) {}

export class WorkVanished extends errorOf({
  code: 'WorkVanished',
  exitCode: 1,
  meaning:
    "A long statement on the target server was left to the server three times and each time ended without having done its work or left an error; the message names it, the server's log says why. The target is as before.",
}) {}

export class TransferFailed extends errorOf({
  code: 'TransferFailed',
  exitCode: 1,
  meaning:
    'The selected tables could not be put into the target; nothing was changed there. The message names the table or constraint.',
}) {}

export class RowsDiffer extends errorOf({
  code: 'RowsDiffer',
  exitCode: 4,
  meaning: 'The server counted other rows than the manifest says; the load was rolled back.',
}) {}

export class RestoreVerificationFailed extends errorOf({
  code: 'RestoreVerificationFailed',
  exitCode: 4,
  meaning:
    'The rebuilt database is not what the backup says; it was not switched over. The message names what differs.',
}) {}
