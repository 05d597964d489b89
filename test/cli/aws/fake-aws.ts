import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An event of a history, in the shape that Step Functions answers with. */
export type FakeEvent = Readonly<Record<string, unknown>> & { readonly type: string };

export interface FakeExecution {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly input: unknown;
  readonly startDate: number;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT';
  stopDate?: number;
  output?: string;
  error?: string;
  cause?: string;
  readonly events: (FakeEvent & { readonly id: number; readonly previousEventId: number })[];
}

/** What an execution does once it is started. */
export type Behaviour = (execution: FakeExecution) => void;

/**
 * The few calls of CloudFormation and Step Functions that `start` and `status` make, answered in the shapes that AWS
 * documents. What executions do, tests say.
 */
export class FakeAws {
  readonly stacks = new Map<string, Readonly<Record<string, string>>>();
  readonly behaviours = new Map<string, Behaviour>();
  readonly executions = new Map<string, FakeExecution>();
  readonly mapRuns = new Map<string, { succeeded: number; total: number }>();
  /** Actions that answer with AccessDeniedException. */
  readonly denied = new Set<string>();
  /** Events a page of a history. */
  pageSize = 3;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<Readonly<Record<string, string>>> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'fake',
      AWS_SECRET_ACCESS_KEY: 'fake',
    };
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    const action = `${request.headers['x-amz-target'] ?? ''}`.split('.')[1];
    if (action === undefined) {
      const [status, text] = this.#describeStacks(new URLSearchParams(body).get('StackName'));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(text);
      return;
    }
    const [status, answer] = this.#call(action, JSON.parse(body));
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer));
  };

  #describeStacks(name: string | null): [number, string] {
    const found = [...this.stacks].filter(([stack]) => name === null || stack === name);
    if (name !== null && found.length === 0)
      return [
        400,
        `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${name} does not exist</Message></Error></ErrorResponse>`,
      ];
    const members = found.map(([stack, outputs]) => {
      const entries = Object.entries(outputs).map(
        ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
      );
      return `<member><StackName>${stack}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T05:43:00Z</CreationTime><Outputs>${entries.join('')}</Outputs></member>`;
    });
    return [
      200,
      `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks>${members.join('')}</Stacks></DescribeStacksResult></DescribeStacksResponse>`,
    ];
  }

  #call(action: string, input: Record<string, unknown>): [number, unknown] {
    const fail = (__type: string, message = __type): [number, unknown] => [400, { __type, message }];
    if (this.denied.has(action))
      return fail('AccessDeniedException', `not authorized to perform states:${action}`);
    const execution = this.executions.get(String(input.executionArn));
    switch (action) {
      case 'StartExecution': {
        const started = this.start(
          String(input.stateMachineArn),
          String(input.name),
          JSON.parse(String(input.input)),
        );
        return started
          ? [200, { executionArn: started.executionArn, startDate: started.startDate }]
          : fail('ExecutionAlreadyExists');
      }
      case 'ListExecutions': {
        const own = [...this.executions.values()].filter(
          (each) => each.stateMachineArn === input.stateMachineArn,
        );
        return [200, { executions: own.reverse().slice(0, Number(input.maxResults)) }];
      }
      case 'DescribeMapRun': {
        const counts = this.mapRuns.get(String(input.mapRunArn));
        return counts ? [200, { mapRunArn: input.mapRunArn, itemCounts: counts }] : fail('ResourceNotFound');
      }
    }
    if (!execution) return fail('ExecutionDoesNotExist');
    if (action === 'DescribeExecution') {
      const { events: _, input: __, ...described } = execution;
      return [200, described];
    }
    const from = Number(input.nextToken ?? 0);
    const page = execution.events.toReversed().slice(from, from + this.pageSize);
    const more = from + this.pageSize < execution.events.length;
    return [200, { events: page, ...(more && { nextToken: String(from + this.pageSize) }) }];
  }

  start(stateMachineArn: string, name: string, input: unknown): FakeExecution | undefined {
    const executionArn = `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
    if (this.executions.has(executionArn)) return undefined;
    const execution: FakeExecution = {
      executionArn,
      stateMachineArn,
      name,
      input,
      startDate: Date.now() / 1000,
      status: 'RUNNING',
      events: [],
    };
    this.executions.set(executionArn, execution);
    this.behaviours.get(stateMachineArn)?.(execution);
    return execution;
  }
}

/** Adds events one after another, the first of them after `after`; returns the last one's id. */
export function add(execution: FakeExecution, after: number, ...events: readonly FakeEvent[]): number {
  let previousEventId = after;
  for (const event of events) {
    const id = execution.events.length + 1;
    execution.events.push({ timestamp: Date.now() / 1000, ...event, id, previousEventId });
    previousEventId = id;
  }
  return previousEventId;
}

export const entered = (name: string, type = 'Task'): FakeEvent => ({
  type: `${type}StateEntered`,
  stateEnteredEventDetails: { name },
});
export const exited = (name: string, type = 'Task'): FakeEvent => ({
  type: `${type}StateExited`,
  stateExitedEventDetails: { name },
});

export function succeed(execution: FakeExecution, output: unknown): void {
  execution.status = 'SUCCEEDED';
  execution.output = JSON.stringify(output);
  execution.stopDate = Date.now() / 1000;
}

export function fail(execution: FakeExecution, error: string, cause: string): void {
  Object.assign(execution, { status: 'FAILED', error, cause, stopDate: Date.now() / 1000 });
}
