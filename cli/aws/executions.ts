import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  DescribeMapRunCommand,
  type ExecutionListItem,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { call } from './call.ts';
import { ExecutionExists } from './errors.ts';
import type { History } from './history.ts';

export interface ItemCounts {
  readonly done: number;
  readonly total: number;
}

/** Step Functions' executions, as far as `start` and `status` need them. */
export class Executions {
  readonly #client = new SFNClient({});

  /**
   * Starts an execution. Starting the same again (name and input) while it runs is the same execution.
   * @returns its ARN
   * @throws ExecutionExists, AwsRefused
   */
  async start(stateMachineArn: string, name: string, input: unknown): Promise<string> {
    const command = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
    try {
      const { executionArn } = await call('states:StartExecution', () => this.#client.send(command));
      return executionArn ?? '';
    } catch (error) {
      if (error instanceof Error && error.name === 'ExecutionAlreadyExists')
        throw new ExecutionExists(`there was an execution ${name} before; give another --name`, {
          cause: error,
        });
      throw error;
    }
  }

  /** @returns undefined where there is none */
  async describe(executionArn: string): Promise<DescribeExecutionCommandOutput | undefined> {
    try {
      return await call('states:DescribeExecution', () =>
        this.#client.send(new DescribeExecutionCommand({ executionArn })),
      );
    } catch (error) {
      if (error instanceof Error && /^(ExecutionDoesNotExist|InvalidArn)$/.test(error.name)) return undefined;
      throw error;
    }
  }

  /** The newest first. */
  async list(stateMachineArn: string, most: number): Promise<ExecutionListItem[]> {
    const { executions } = await call('states:ListExecutions', () =>
      this.#client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: most })),
    );
    return executions ?? [];
  }

  /** Adds what has happened since: read backwards, so that a long history is not read again and again. */
  async update(executionArn: string, history: History): Promise<void> {
    const events: HistoryEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await call('states:GetExecutionHistory', () =>
        this.#client.send(
          new GetExecutionHistoryCommand({
            executionArn,
            reverseOrder: true,
            maxResults: 1000,
            ...(nextToken && { nextToken }),
          }),
        ),
      );
      const found = page.events ?? [];
      events.push(...found);
      nextToken = found.some(({ id = 0 }) => id <= history.newest) ? undefined : page.nextToken;
    } while (nextToken !== undefined);
    history.add(events.sort((a, b) => (a.id ?? 0) - (b.id ?? 0)));
  }

  /** How far a distributed Map is; undefined where it can't be seen. */
  async itemCounts(mapRunArn: string): Promise<ItemCounts | undefined> {
    const { itemCounts } = await call('states:DescribeMapRun', () =>
      this.#client.send(new DescribeMapRunCommand({ mapRunArn })),
    );
    return itemCounts && { done: itemCounts.succeeded ?? 0, total: itemCounts.total ?? 0 };
  }

  end(): void {
    this.#client.destroy();
  }
}
