import { kindOf, ReplicatorError } from '../functions/errors/replicator-error.ts';
import { Interrupted } from '../functions/errors/usage.ts';
import type { Io } from './io.ts';
import { redact } from './redact.ts';
import { printable } from './text/printable.ts';

/** What a person and a script are told of an error. */
export interface Failure {
  /** Of docs/errors.md; for errors nobody expected, what their class or the system calls them. */
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

/** Any error as a message without secrets and an exit code. */
export function failureOf(error: unknown, signal: AbortSignal): Failure {
  if (signal.aborted && isAbort(error)) return plainFailure(signal.reason);
  if (signal.reason instanceof Interrupted && !(error instanceof Interrupted)) {
    const { code, exitCode, message } = plainFailure(signal.reason);
    return { code, message: `${message}; then: ${plainFailure(error).message}`, exitCode };
  }
  return plainFailure(error);
}

function plainFailure(error: unknown): Failure {
  const message = redact(messageOf(error));
  if (error instanceof ReplicatorError) return { code: error.code, message, exitCode: error.exitCode };
  const code = codeOf(error);
  return { code, message, exitCode: kindOf(code)?.exitCode ?? 1 };
}

/** Tells of an error: a line on standard error and, with `--json`, a document on standard output. */
export function printFailure(failure: Failure, error: unknown, io: Io, json: boolean): void {
  io.stderr.write(`replicator: ${printable(failure.message)} (${failure.code})\n`);
  if (io.environment.REPLICATOR_DEBUG) io.stderr.write(`${redact(stackOf(error))}\n`);
  if (json) io.stdout.write(`${JSON.stringify({ error: failure }, null, 2)}\n`);
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message)
    return error.errors.map((each) => messageOf(each)).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UnexpectedError';
  if (kindOf(error.name)) return error.name;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code ?? (error.name === 'Error' ? 'UnexpectedError' : error.name);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
