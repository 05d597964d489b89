import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import type { DeployedMachine } from '../aws/deployment.ts';
import { duration, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';

/** What is told of one execution. */
export interface ExecutionSummary {
  readonly kind: DeployedMachine['kind'];
  readonly target?: string;
  readonly name: string;
  readonly arn: string;
  readonly status: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** States that work now. */
  readonly doing?: string;
  /** What was made or restored. */
  readonly backup?: string;
  /** Where the report of a restore lies. */
  readonly report?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

const Output = z.object({
  backup: z.object({ backupId: z.string() }).optional(),
  plan: z.object({ backupId: z.string() }).optional(),
  report: z.string().nullish(),
});
const OutputOfBoth = z.object({ backup: Output, restore: Output });

/** From what DescribeExecution says. */
export function summaryOf(
  machine: DeployedMachine,
  description?: DescribeExecutionCommandOutput,
): Omit<ExecutionSummary, 'name' | 'arn'> {
  const { status = 'UNKNOWN', startDate, stopDate, error, cause } = description ?? {};
  const { backup, report } = resultIn(description?.output);
  return {
    kind: machine.kind,
    ...(machine.target !== undefined && { target: machine.target }),
    status,
    ...(startDate && { startedAt: startDate.toISOString() }),
    ...(stopDate && { endedAt: stopDate.toISOString() }),
    ...(backup !== undefined && { backup }),
    ...(report && { report }),
    ...((error ?? cause) !== undefined && { error: { code: error ?? status, message: cause ?? '' } }),
  };
}

function resultIn(output: string | undefined): {
  backup?: string | undefined;
  report?: string | null | undefined;
} {
  let parsed: unknown;
  try {
    parsed = JSON.parse(output ?? 'null');
  } catch {
    return {};
  }
  const both = OutputOfBoth.safeParse(parsed).data;
  const one = both
    ? { ...both.backup, ...both.restore, backup: both.backup.backup }
    : Output.safeParse(parsed).data;
  return { backup: one?.backup?.backupId ?? one?.plan?.backupId, report: one?.report };
}

/** What `start` prints. */
export function executionLines(execution: ExecutionSummary, stack: string): string[] {
  if (execution.status === 'RUNNING')
    return [
      `started ${execution.kind} ${execution.name}`,
      `see how far it is: replicator status ${execution.name} --stack ${stack}`,
    ];
  const made = execution.backup === undefined ? '' : `: backup ${execution.backup}`;
  return [
    `${execution.kind} ${execution.name} ${execution.status.toLowerCase()}${took(execution)}${made}`,
    ...(execution.report === undefined ? [] : [`report: ${execution.report}`]),
  ];
}

const columns = [
  { title: 'WHAT' },
  { title: 'EXECUTION' },
  { title: 'STATUS' },
  { title: 'SINCE' },
  { title: 'TOOK', right: true },
  { title: '' },
];

/** What `status` prints: one line an execution. */
export function statusLines(executions: readonly ExecutionSummary[], stack: string): string[] {
  if (executions.length === 0) return [`${stack} has had no executions yet`];
  return tableLines(
    columns,
    executions.map((execution) => [
      whatOf(execution),
      execution.name,
      execution.status,
      execution.startedAt ? moment(execution.startedAt) : '',
      took(execution).replace(/^ in /, ''),
      execution.doing ?? (execution.error ? inShort(execution.error) : (execution.backup ?? '')),
    ]),
  );
}

export function whatOf({ kind, target }: ExecutionSummary): string {
  return target === undefined ? kind : `${kind} to ${target}`;
}

/** ` in 3 min 05 s` */
export function took({ startedAt, endedAt }: ExecutionSummary): string {
  if (startedAt === undefined) return '';
  const end = endedAt === undefined ? Date.now() : Date.parse(endedAt);
  return ` in ${duration(Math.max(0, end - Date.parse(startedAt)))}`;
}

const longest = 100;

function inShort({ code, message }: { code: string; message: string }): string {
  const [line = ''] = message.split('\n');
  return `${code}: ${line.length > longest ? `${line.slice(0, longest)}…` : line}`;
}
