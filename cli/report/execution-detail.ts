import type { History } from '../aws/history.ts';
import { duration, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';
import { type ExecutionSummary, took, whatOf } from './execution-report.ts';

/** One entry of a state. */
export interface ExecutionStep {
  readonly state: string;
  readonly enteredAt: string;
  /** Missing while it works. */
  readonly milliseconds?: number;
  readonly failedAttempts: number;
  readonly error?: string;
}

export interface ExecutionDetail extends ExecutionSummary {
  readonly states: readonly ExecutionStep[];
}

/** States that do work; choices and the like only lead on. A state that failed for good ended with its execution. */
export function stepsOf(history: History, endedAt: Date | undefined): ExecutionStep[] {
  return history.states
    .filter(({ type }) => /^(Task|Map|Wait)$/.test(type))
    .map(({ name, enteredAt, leftAt = endedAt, failures, error }) => ({
      state: name,
      enteredAt: enteredAt.toISOString(),
      ...(leftAt && { milliseconds: leftAt.getTime() - enteredAt.getTime() }),
      failedAttempts: failures,
      ...(error !== undefined && { error }),
    }));
}

const columns = [{ title: 'STATE' }, { title: 'ENTERED' }, { title: 'TOOK', right: true }, { title: '' }];

/** What `status EXECUTION` prints. */
export function detailLines(execution: ExecutionDetail): string[] {
  const { startedAt, doing, backup, report, error, states, status } = execution;
  return [
    `${whatOf(execution)} ${execution.name}`,
    `${status.toLowerCase()}${startedAt ? `, since ${moment(startedAt)}` : ''}${took(execution)}`,
    ...(doing ? [`working on: ${doing}`] : []),
    ...(backup === undefined ? [] : [`backup: ${backup}`]),
    ...(report === undefined ? [] : [`report: ${report}`]),
    ...(error ? [`${error.code}: ${error.message}`] : []),
    execution.arn,
    '',
    ...tableLines(columns, states.map(cells)),
  ];
}

function cells({ state, enteredAt, milliseconds, failedAttempts, error }: ExecutionStep): string[] {
  const failed = failedAttempts === 0 ? '' : `${failedAttempts} failed: ${error ?? '?'}`;
  return [state, moment(enteredAt), milliseconds === undefined ? 'works' : duration(milliseconds), failed];
}
