import { setTimeout as sleep } from 'node:timers/promises';
import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { kindOf, ReplicatorError } from '../../functions/errors/replicator-error.ts';
import type { Io } from '../io.ts';
import { StatusLine } from '../progress/status-line.ts';
import { redact } from '../redact.ts';
import { duration } from '../text/quantities.ts';
import { ExecutionEnded, ExecutionFailed, ExecutionUnknown } from './errors.ts';
import type { Executions } from './executions.ts';
import { Progression } from './how-far.ts';

/** Milliseconds between two looks, from the first on: an execution lasts from seconds to days. */
const pauses = [500, 1000, 2000, 3000, 5000];

/**
 * Shows an execution until it has ended, and how it ended.
 * @returns what DescribeExecution says of one that succeeded
 * @throws the error that it failed of; ExecutionEnded; the signal's reason, whereupon the execution goes on
 */
export async function follow(
  executions: Executions,
  executionArn: string,
  title: string,
  { io, quiet }: { readonly io: Io; readonly quiet: boolean },
): Promise<DescribeExecutionCommandOutput> {
  const progression = new Progression();
  let doing = '';
  let startedAt = Date.now();
  const line = new StatusLine(io.stderr, !quiet, () =>
    [title, doing, duration(Date.now() - startedAt)].filter(Boolean).join(' · '),
  );
  try {
    for (let look = 0; ; look++) {
      const description = await executions.describe(executionArn);
      if (!description) throw new ExecutionUnknown(`there is no execution ${executionArn} any more`);
      startedAt = description.startDate?.getTime() ?? startedAt;
      if (description.status === 'SUCCEEDED') return description;
      if (description.status !== 'RUNNING') throw await failureOf(description);
      doing = await progression.update(executions, executionArn);
      await sleep(pauses[look] ?? pauses.at(-1), undefined, { signal: io.signal });
    }
  } catch (error) {
    io.signal.throwIfAborted();
    throw error;
  } finally {
    line.end();
  }
}

/** The error that an execution ended with, as if it had been thrown here. */
export async function failureOf(description: DescribeExecutionCommandOutput): Promise<ReplicatorError> {
  // Handlers bring the codes of all errors along, and their exit codes
  await import('../../functions/handlers/handlers.ts');
  const { status, name, error = '', cause = '' } = description;
  const kind = kindOf(error);
  const message = redact(cause || `the execution ${name} ended as ${status}`);
  if (kind) return new ReplicatorError(kind, message);
  if (status === 'FAILED') return new ExecutionFailed(error ? `${error}: ${message}` : message);
  return new ExecutionEnded(
    `the execution ${name} ended as ${status}${error ? ` (${error})` : ''}${cause ? `: ${message}` : ''}`,
  );
}
