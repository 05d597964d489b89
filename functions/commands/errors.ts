import { errorOf } from '../errors/replicator-error.ts';

export class CommandFailed extends errorOf({
  code: 'CommandFailed',
  exitCode: 1,
  meaning:
    "A command of the user's ended with another exit code than 0, by a signal, or could not be started; its last lines are in the message.",
}) {}

export class CommandTimedOut extends errorOf({
  code: 'CommandTimedOut',
  exitCode: 1,
  meaning: "A command of the user's ran longer than it may and was ended; its last lines are in the message.",
}) {}
