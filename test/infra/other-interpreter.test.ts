import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Definition, readDefinition, type StateDefinition } from '../../local/definition.ts';
import { machineNames } from '../../local/machine-names.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import type { S3Server } from '../../local/servers/s3.ts';
import { startStrictS3 } from '../../local/servers/strict-s3.ts';

/** Moto carries an interpreter of the Amazon States Language that shares nothing with the one on this machine. */
const hasMoto = (await findProgram('moto_server')) !== undefined;

const run = {
  id: '20261123T054300Z-k3f9qa',
  kind: 'backup',
  executionId: 'arn:aws:states:x',
  startedAt: '2026-11-23T05:43:00Z',
  round: 1,
};
const options = { jobs: 2, invalidateCache: true, afterRestore: true, drainBroker: true, dryRun: false };
const sealed = { backupId: run.id, uri: 's3://bucket/backup/' };
const plan = { backupId: run.id, scope: 'database' };

/** What states' work comes to; the others just have no more to do. */
const results: Readonly<Record<string, unknown>> = {
  Begin: { run, options },
  OpenSnapshot: { text: '1:1:' },
  PlanShards: { shards: [1, 2, 3] },
  PlanMedia: { more: false, shards: [1] },
  SealBackup: { more: false, ...sealed },
  AnnounceBackup: { run, backup: sealed },
  PlanRestore: { ...plan, shards: [1, 2], mediaShards: [1] },
  AnnounceRestore: { run, plan },
  ReadFailure: { startOver: false, error: 'Broken', message: 'shard 2 is broken', run },
  AnnounceFailure: { error: 'Broken', message: 'shard 2 is broken' },
  CleanUpAfterBackup: { status: 'SUCCEEDED' },
  CleanUpAfterRestore: { status: 'SUCCEEDED' },
  CleanUpAfterFailure: { status: 'SUCCEEDED' },
};

/** The machine with everything as it is but for its Tasks, which say at once what their work comes to. */
function workless(definition: Definition, failing?: string): Definition {
  const states = Object.entries(definition.States).map(([name, state]): [string, StateDefinition] => {
    if (name === failing) return [name, { Type: 'Fail', Error: 'Broken', Cause: 'shard 2 is broken' }];
    if (state.Type !== 'Task') return [name, inside(state, failing)];
    const {
      Resource: _,
      TimeoutSeconds: __,
      Retry: ___,
      Catch: ____,
      ResultSelector: _____,
      ...rest
    } = state;
    return [name, { ...rest, Type: 'Pass', Result: results[name] ?? { more: false } }];
  });
  return { ...definition, States: Object.fromEntries(states) };
}

function inside(state: StateDefinition, failing?: string): StateDefinition {
  const processor = state.ItemProcessor;
  return {
    ...state,
    ...(state.Branches && { Branches: state.Branches.map((branch) => workless(branch, failing)) }),
    ...(processor && { ItemProcessor: { ...processor, ...workless(processor, failing) } }),
  };
}

/** Without the states that the way into it leads through. */
function from(start: string, definition: Definition): Definition {
  const reached = new Set<string>();
  const follow = (name: unknown) => {
    if (typeof name !== 'string' || reached.has(name)) return;
    reached.add(name);
    const { Next, Default, Choices } = definition.States[name] as StateDefinition;
    for (const next of [
      Next,
      Default,
      ...((Choices ?? []) as { Next: string }[]).map((choice) => choice.Next),
    ])
      follow(next);
  };
  follow(start);
  const states = Object.entries(definition.States).filter(([name]) => reached.has(name));
  return { ...definition, StartAt: start, States: Object.fromEntries(states) };
}

describe.skipIf(!hasMoto)('another interpreter', () => {
  let server: S3Server;
  /** Moto runs one execution a region. */
  const regions = ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'eu-central-1', 'eu-west-1'];

  beforeAll(async () => {
    server = (await startStrictS3('moto_server')) as S3Server;
    const body = JSON.stringify({ stepfunctions: { execute_state_machine: true } });
    await fetch(`${server.endpoint}/moto-api/config`, { method: 'POST', body });
  });
  afterAll(() => server?.stop());

  async function execute(definition: Definition, input: unknown = {}) {
    const client = new SFNClient({
      endpoint: server.endpoint,
      region: regions.shift() ?? '',
      credentials: server,
    });
    const { stateMachineArn } = await client.send(
      new CreateStateMachineCommand({
        name: 'machine',
        definition: JSON.stringify(definition),
        roleArn: 'arn:aws:iam::123456789012:role/machine',
      }),
    );
    const { executionArn } = await client.send(
      new StartExecutionCommand({ stateMachineArn, name: 'execution', input: JSON.stringify(input) }),
    );
    const look = () => client.send(new DescribeExecutionCommand({ executionArn }));
    await expect.poll(async () => (await look()).status, { timeout: 40_000 }).not.toBe('RUNNING');
    const { status, error, cause, output } = await look();
    const { events = [] } = await client.send(
      new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }),
    );
    client.destroy();
    const entered = events.flatMap(({ stateEnteredEventDetails: state }) =>
      state?.name ? [state.name] : [],
    );
    return { status, error, cause, output: output === undefined ? undefined : JSON.parse(output), entered };
  }

  test('takes every definition as it is', async () => {
    const client = new SFNClient({ endpoint: server.endpoint, region: 'eu-north-1', credentials: server });
    for (const name of machineNames) {
      const definition = JSON.stringify(readDefinition(name));
      const roleArn = 'arn:aws:iam::123456789012:role/machine';
      await client.send(new CreateStateMachineCommand({ name, definition, roleArn }));
    }
    client.destroy();
  }, 60_000);

  test('goes through Backup, its Maps included, to the same end', async () => {
    const { status, output, entered } = await execute(workless(readDefinition('backup')));
    expect({ status, output }).toEqual({ status: 'SUCCEEDED', output: { run, backup: sealed } });
    expect(entered).toContain('CopyShards');
    expect(entered.slice(-2)).toEqual(['SendSealedEvent', 'BackupDone']);
  }, 60_000);

  test('goes through Restore to the same end', async () => {
    const { status, output, entered } = await execute(workless(readDefinition('restore')));
    expect({ status, output }).toEqual({ status: 'SUCCEEDED', output: { run, plan } });
    expect(entered).toEqual(
      expect.arrayContaining(['LoadShards', 'DrainBroker', 'InvalidateCache', 'AfterRestore']),
    );
  }, 60_000);

  test('fails a Backup, one of whose branches fails, with what ReadFailure found', async () => {
    const { status, error, cause, entered } = await execute(workless(readDefinition('backup'), 'PlanMedia'));
    expect({ status, error, cause }).toEqual({
      status: 'FAILED',
      error: 'Broken',
      cause: 'shard 2 is broken',
    });
    expect(entered.slice(entered.indexOf('ReadFailure'))).toEqual([
      'ReadFailure',
      'WhetherToStartOver',
      'CleanUpAfterFailure',
      'AnnounceFailure',
      'SendFailedEvent',
      'BackupFailed',
    ]);
  }, 60_000);

  test('fails a Replicate as the execution inside it did', async () => {
    const nested = {
      ExecutionArn: 'arn:aws:states:x',
      Status: 'FAILED',
      Error: 'RunInProgress',
      Cause: 'run x works',
    };
    const caught = { Error: 'States.TaskFailed', Cause: JSON.stringify(nested) };
    const definition = from('WhetherAnExecutionFailed', readDefinition('replicate'));
    expect(await execute(definition, { caught })).toMatchObject({
      status: 'FAILED',
      error: 'RunInProgress',
      cause: 'run x works',
    });
  }, 60_000);

  test('fails a Replicate whose half was stopped, which has no error, in words', async () => {
    const nested = { ExecutionArn: 'arn:aws:states:x', Status: 'ABORTED' };
    const caught = { Error: 'States.TaskFailed', Cause: JSON.stringify(nested) };
    const definition = from('WhetherAnExecutionFailed', readDefinition('replicate'));
    expect(await execute(definition, { caught })).toMatchObject({
      error: 'NestedRunFailed',
      cause: 'the execution arn:aws:states:x ended as ABORTED',
    });
  }, 60_000);
});
