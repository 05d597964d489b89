import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { retriedErrors } from '../../functions/run/retried-errors.ts';
import { compile } from '../../local/compile.ts';
import { type Definition, readDefinition, type StateDefinition } from '../../local/definition.ts';
import { TaskFailure } from '../../local/errors.ts';
import { EventCount } from '../../local/limits.ts';
import { type MachineName, machineNames } from '../../local/machine-names.ts';
import { runSteps } from '../../local/run-steps.ts';
import { taskOf } from '../../local/task.ts';

/** What a state of each kind is repeated for, how often it is tried in all, and what it is not repeated for. */
const attempts: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  handler: {
    'Lambda.ServiceException': 9,
    'Lambda.AWSLambdaException': 9,
    'Lambda.SdkClientException': 9,
    'Lambda.TooManyRequestsException': 9,
    'Lambda.ResourceNotReadyException': 9,
    'Lambda.EFSMountTimeoutException': 9,
    'Lambda.KMSAccessDeniedException': 9,
    'Sandbox.Timedout': 3,
    'Runtime.ExitError': 3,
    'Runtime.OutOfMemory': 3,
    'Lambda.Unknown': 3,
    'States.Timeout': 3,
    OutOfTime: 3,
    ConnectionLost: 4,
    ServerBusy: 4,
    ServerUnreachable: 10,
    StoreUnreachable: 10,
    StoreUnavailable: 10,
    StoreFailed: 1,
    StoreAccessDenied: 1,
    'States.TaskFailed': 1,
    'Lambda.ResourceNotFoundException': 1,
    'Runtime.ImportModuleError': 1,
    StatementFailed: 1,
    DamagedBackup: 1,
    TypeError: 1,
  },
  execution: {
    'StepFunctions.ExecutionLimitExceededException': 7,
    'StepFunctions.ThrottlingException': 7,
    'StepFunctions.SdkClientException': 7,
    'States.TaskFailed': 1,
    'States.Timeout': 1,
    'StepFunctions.StateMachineDoesNotExistException': 1,
  },
  describe: { 'Sfn.SfnException': 16, 'Sfn.SdkClientException': 16, 'Sfn.InvalidArnException': 1 },
  event: {
    'Lambda.TooManyRequestsException': 16,
    'Lambda.ServiceException': 16,
    'Lambda.ResourceNotFoundException': 1,
  },
  announcement: {
    'EventBridge.FailedEntry': 5,
    'SNS.ThrottledException': 5,
    'States.Timeout': 5,
    'EventBridge.AccessDeniedException': 1,
    'SNS.NotFoundException': 1,
  },
};

const noStore = { StoreUnreachable: 1, StoreUnavailable: 1 };
/** The first to meet a server or the store does not wait for one that isn't there, nor does what follows a failure. */
const impatient: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  Lock: { ServerUnreachable: 1, ...noStore },
  ReadFailure: noStore,
  CleanUp: noStore,
};

/** Where a state leads to when its attempts are used up; those that are not here end in ReadFailure. */
const ways: Readonly<Record<MachineName, Readonly<Record<string, string>>>> = {
  backup: {
    Begin: 'the end',
    ReadFailure: 'TakeCaughtError',
    ReleaseLostSnapshot: 'CleanUpAfterFailure',
    CleanUpAfterFailure: 'CleanUpAfterFailureFailed',
    AnnounceFailure: 'SendFailedEvent',
    SendFailedEvent: 'BackupFailed',
    CleanUpAfterBackup: 'CleanUpAfterBackupFailed',
    AnnounceBackup: 'ReportUnannounced',
    SendSealedEvent: 'BackupDone',
    // In a Map or a branch: the state around them leads on
    CopyShard: 'the end',
    PlanMedia: 'the end',
    CompareMedia: 'the end',
    ArchiveMedia: 'the end',
  },
  restore: {
    Begin: 'the end',
    ReadFailure: 'TakeCaughtError',
    CleanUpAfterFailure: 'CleanUpAfterFailureFailed',
    AnnounceFailure: 'SendFailedEvent',
    SendFailedEvent: 'RestoreFailed',
    CleanUpAfterRestore: 'CleanUpAfterRestoreFailed',
    AnnounceRestore: 'ReportUnannounced',
    SendFinishedEvent: 'RestoreDone',
    LoadShard: 'the end',
    ExtractMedia: 'the end',
  },
  replicate: {
    Begin: 'the end',
    RunBackup: 'WhetherAnExecutionFailed',
    RunRestore: 'WhetherAnExecutionFailed',
  },
  'keep-snapshot': { IsParentRunning: 'the end', InvokeKeeper: 'the end', CleanUpAfterParent: 'the end' },
  'clean-up': { CleanUp: 'the end' },
};

interface TaskState {
  readonly machine: MachineName;
  readonly name: string;
  readonly state: StateDefinition;
}

function tasksIn(machine: MachineName, definition: Definition): TaskState[] {
  return Object.entries(definition.States).flatMap(([name, state]) => [
    ...(state.Type === 'Task' ? [{ machine, name, state }] : []),
    ...(state.Branches ?? []).flatMap((branch) => tasksIn(machine, branch)),
    ...(state.ItemProcessor ? tasksIn(machine, state.ItemProcessor) : []),
  ]);
}

const tasks = machineNames.flatMap((machine) => tasksIn(machine, readDefinition(machine)));

/** The state alone, with its own lists of what it is retried for and caught by, and a handler that throws in it. */
function alone({ name, state }: TaskState): Definition {
  const { Parameters: _, ResultSelector: __, ResultPath: ___, OutputPath: ____, ...rest } = state;
  const targets = ((state.Catch ?? []) as { Next: string }[]).map(({ Next }) => Next);
  const beyond = [...targets, ...(state.Next ? [String(state.Next)] : [])];
  const end = (target: string) =>
    [target, { Type: 'Pass', Parameters: { reached: target }, End: true }] as const;
  return {
    StartAt: name,
    States: {
      [name]: { ...rest, Resource: 'arn:aws:lambda:local:000000000000:function:Throw' },
      ...Object.fromEntries(beyond.map(end)),
    },
  };
}

/** Lets time pass as fast as it can until the run is over. */
async function end(run: Promise<unknown>): Promise<unknown> {
  let over = false;
  const watched = run.finally(() => {
    over = true;
  });
  watched.catch(() => {});
  // Not to the next timer, which may be that of the state's TimeoutSeconds
  while (!over) await vi.advanceTimersByTimeAsync(20_000);
  return watched;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function fail(task: TaskState, error: string): Promise<{ tried: number; reached: string }> {
  let tried = 0;
  const run = runSteps(
    compile(alone(task), new Set(['Throw'])),
    {},
    {
      signal: new AbortController().signal,
      events: new EventCount(),
      execution: {},
      onStep: () => {},
      runTask: async () => {
        tried++;
        throw new TaskFailure(error, 'a test threw it', undefined);
      },
    },
  );
  const output = await end(run).catch((thrown: Error) => {
    expect(thrown.name).toBe(error);
    return { reached: 'the end' };
  });
  return { tried, reached: (output as { reached: string }).reached };
}

describe.each(machineNames)('%s', (machine) => {
  const own = tasks.filter((task) => task.machine === machine);

  test.each(own)(
    '$name is tried as often as makes sense for each kind of error, and leads on',
    async (task) => {
      const { kind } = taskOf(task.name, task.state);
      const expected = ways[machine][task.name] ?? 'ReadFailure';
      const expectedAttempts = { ...attempts[kind], ...impatient[task.name] };
      for (const [error, tries] of Object.entries(expectedAttempts)) {
        const { tried, reached } = await fail(task, error);
        expect({ error, tried }).toEqual({ error, tried: tries });
        expect({ error, reached }).toEqual({ error, reached: expected });
      }
    },
  );
});

test('a refused input leads from Begin to the end that says why, at the first attempt', async () => {
  for (const task of tasks.filter(({ name }) => name === 'Begin'))
    expect(await fail(task, 'InvalidInput')).toEqual({ tried: 1, reached: 'ReadRefusal' });
});

test('OpenSnapshot is tried 301 times while the keeper is on its way, and is told apart from other errors', async () => {
  const task = tasks.find(({ name }) => name === 'OpenSnapshot') as TaskState;
  expect(await fail(task, 'SnapshotNotReady')).toEqual({ tried: 301, reached: 'ReadFailure' });
  const other = tasks.find(({ name }) => name === 'DumpSchema') as TaskState;
  expect(await fail(other, 'SnapshotNotReady')).toEqual({ tried: 1, reached: 'ReadFailure' });
});

test('every name in the list of retried errors is retried', async () => {
  const task = tasks.find(({ name }) => name === 'PlanShards') as TaskState;
  for (const { names, maxAttempts } of retriedErrors)
    for (const name of names) expect((await fail(task, name)).tried, name).toBe(maxAttempts + 1);
});
