import { errorOf } from '../../functions/errors/replicator-error.ts';

export class StackUnknown extends errorOf({
  code: 'StackUnknown',
  exitCode: 2,
  meaning:
    'There is no such stack in this account and region, or it was not made by this program: check --stack, --target, AWS_REGION and AWS_PROFILE.',
}) {}

export class ExecutionUnknown extends errorOf({
  code: 'ExecutionUnknown',
  exitCode: 2,
  meaning: 'No machine of the stack has an execution of this name; `replicator status` lists them.',
}) {}

export class ExecutionExists extends errorOf({
  code: 'ExecutionExists',
  exitCode: 2,
  meaning: 'An execution of this name was started before, with another input: give another --name.',
}) {}

export class AwsRefused extends errorOf({
  code: 'AwsRefused',
  exitCode: 2,
  meaning:
    'AWS refuses a call of `start` or `status`: credentials are missing or expired, or lack the action that the message names.',
}) {}

export class ExecutionFailed extends errorOf({
  code: 'ExecutionFailed',
  exitCode: 1,
  meaning:
    'An execution that was followed failed of something that is no error of this program; the message holds its error and cause.',
}) {}

export class ExecutionEnded extends errorOf({
  code: 'ExecutionEnded',
  exitCode: 1,
  meaning: 'An execution that was followed was aborted or timed out; CleanUp removes what it had built.',
}) {}
