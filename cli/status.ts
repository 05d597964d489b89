import type { DeployedMachine } from './aws/deployment.ts';
import { ExecutionUnknown } from './aws/errors.ts';
import type { Executions } from './aws/executions.ts';
import { Progression } from './aws/how-far.ts';
import { openDeployment } from './aws/open-deployment.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { detailLines, type ExecutionDetail, stepsOf } from './report/execution-detail.ts';
import { type ExecutionSummary, statusLines, summaryOf } from './report/execution-report.ts';
import { printResult } from './report/print-result.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = {
  stack: option.stack,
  target: option.deployedTarget,
  limit: option.executionsShown,
  json: option.json,
};

export const statusVerb: Verb = {
  name: 'status',
  summary: 'Show the executions of a deployed stack: what runs, how far it is, what failed and why',
  usage: '[EXECUTION] --stack NAME [--target NAME] [--limit N] [--json]',
  details: [
    'Without EXECUTION: the newest executions of each machine. With its name: one of them in detail, state by state.',
  ],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 1);
    const chosen = validateOptions(options, written.values, io.environment);
    const [name] = written.positionals;
    if (name !== undefined) {
      const detail = await executionDetail(name, chosen, io);
      printResult(io, chosen, { execution: detail }, detailLines(detail));
    } else {
      const executions = await status(chosen, io);
      printResult(io, chosen, { executions }, statusLines(executions, chosen.stack));
    }
    return 0;
  },
};

/**
 * The newest executions of a deployment's machines, newest first.
 * @throws StackUnknown, AwsRefused
 */
export async function status(given: OptionsInput<typeof options>, io: Io): Promise<ExecutionSummary[]> {
  const chosen = validateOptions(options, given, io.environment);
  const { machines, executions } = await openDeployment(chosen.stack, chosen.target);
  try {
    const listed = await Promise.all(
      machines.map(async (machine) => {
        const found = await executions.list(machine.arn, chosen.limit);
        return found.map((item) => ({ machine, item }));
      }),
    );
    const newest = listed
      .flat()
      .sort((a, b) => (b.item.startDate?.getTime() ?? 0) - (a.item.startDate?.getTime() ?? 0))
      .slice(0, chosen.limit);
    const summaries: ExecutionSummary[] = [];
    for (const { machine, item } of newest)
      summaries.push(await lookAt(executions, machine, item.executionArn ?? ''));
    return summaries;
  } finally {
    executions.end();
  }
}

/** What is not over is asked what it does, and what failed why. */
async function lookAt(
  executions: Executions,
  machine: DeployedMachine,
  arn: string,
): Promise<ExecutionSummary> {
  const description = await executions.describe(arn);
  const name = arn.split(':').at(-1) ?? arn;
  const summary = { ...summaryOf(machine, description), name, arn };
  if (description?.status !== 'RUNNING') return summary;
  return { ...summary, doing: await new Progression().update(executions, arn) };
}

/**
 * One execution, state by state.
 * @param name or ARN
 * @throws StackUnknown, ExecutionUnknown, AwsRefused
 */
export async function executionDetail(
  name: string,
  given: OptionsInput<typeof options>,
  io: Io,
): Promise<ExecutionDetail> {
  const chosen = validateOptions(options, given, io.environment);
  const { machines, executions } = await openDeployment(chosen.stack, chosen.target);
  try {
    for (const machine of machines) {
      const arn = arnOf(machine, name);
      const description = arn === undefined ? undefined : await executions.describe(arn);
      if (arn === undefined || !description) continue;
      const progression = new Progression();
      const doing = await progression.update(executions, arn);
      return {
        ...summaryOf(machine, description),
        name: arn.split(':').at(-1) ?? arn,
        arn,
        ...(description.status === 'RUNNING' && { doing }),
        states: stepsOf(progression.history, description.stopDate),
      };
    }
    throw new ExecutionUnknown(`no machine of ${chosen.stack} has an execution ${JSON.stringify(name)}`);
  } finally {
    executions.end();
  }
}

/** The ARN of an execution is its machine's and its name. */
function arnOf(machine: DeployedMachine, name: string): string | undefined {
  const prefix = `${machine.arn.replace(':stateMachine:', ':execution:')}:`;
  if (name.startsWith('arn:')) return name.startsWith(prefix) ? name : undefined;
  return `${prefix}${name}`;
}
