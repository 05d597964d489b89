import { errorOf } from '../functions/errors/replicator-error.ts';

export class DefinitionRefused extends errorOf({
  code: 'DefinitionRefused',
  exitCode: 1,
  meaning:
    'A state machine definition holds something that would not mean the same on this machine and on AWS; nothing was started.',
}) {}

export class StateTooLarge extends errorOf({
  code: 'States.DataLimitExceeded',
  exitCode: 1,
  meaning:
    'A state took in or passed on more than 262,144 bytes, which Step Functions refuses; the message names the state.',
}) {
  readonly isRetryable = false;
  readonly isCatchable = false;
}

export class TooManyEvents extends errorOf({
  code: 'TooManyEvents',
  exitCode: 1,
  meaning: 'A run had more than 20,000 events, close to where Step Functions ends an execution.',
}) {
  readonly isRetryable = false;
  readonly isCatchable = false;
}

/** What a state gets that would begin after its run has failed or was aborted. Never seen outside the runner. */
export class RunIsOver extends Error {
  readonly isRetryable = false;
  readonly isCatchable = false;

  constructor() {
    super('nothing starts any more: the run has failed or was aborted');
    this.name = 'RunIsOver';
  }
}

/**
 * An error as a machine sees it: `name` is what Retry and Catch match, `message` is the Cause. What was really
 * thrown goes along.
 */
export class TaskFailure extends Error {
  readonly original: unknown;

  constructor(name: string, cause: string, original: unknown) {
    super(cause);
    this.name = name;
    this.original = original;
  }
}

/** What Lambda makes of an error that a handler throws. */
export function asLambdaReports(thrown: unknown): TaskFailure {
  const errorType = thrown instanceof Error ? thrown.name : 'Error';
  const errorMessage = thrown instanceof Error ? thrown.message : String(thrown);
  return new TaskFailure(errorType, JSON.stringify({ errorType, errorMessage }), thrown);
}
