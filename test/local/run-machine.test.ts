import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { errorOf, ReplicatorError } from '../../functions/errors/replicator-error.ts';
import { Interrupted } from '../../functions/errors/usage.ts';
import type { Definition } from '../../local/definition.ts';
import { runMachine } from '../../local/run-machine.ts';
import { recording } from './fake-surroundings.ts';
import { cleanUp, mapOver, sequence, task } from './small-definitions.ts';

class Damaged extends errorOf({ code: 'Damaged', exitCode: 4, meaning: 'A test made it.' }) {}

const runId = '20261123T054300Z-k3f9qa';
const run = { id: runId, kind: 'backup', executionId: 'x', startedAt: 'y', round: 1 };

/** Begin, then the state given; every error leads through CleanUp to a Fail state, as in the real machines. */
function withFailurePath(states: Definition['States'], first: string): Definition {
  const caught = {
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught', Next: 'CleanUpAfterFailure' }],
  };
  const guarded = Object.entries(states).map(([name, state]) => [name, { ...state, ...caught }]);
  return {
    StartAt: 'Begin',
    States: {
      Begin: task('Begin', { Next: first }),
      ...Object.fromEntries(guarded),
      CleanUpAfterFailure: {
        Type: 'Task',
        Resource: 'arn:aws:states:::states:startExecution.sync:2',
        TimeoutSeconds: 60,
        Parameters: {
          StateMachineArn: 'arn:aws:states:local:000000000000:stateMachine:CleanUp',
          Input: { 'runId.$': '$.run.id' },
        },
        ResultPath: null,
        Next: 'Failed',
      },
      Failed: { Type: 'Fail', ErrorPath: '$.caught.Error', CausePath: '$.caught.Cause' },
    },
  };
}

test('hands the output of each state to the next and returns the last', async () => {
  const { options } = recording(
    { Add: async (input) => ({ sum: (input as { sum: number }).sum + 1, at: new Date(0), no: undefined }) },
    { backup: sequence({ First: task('Add'), Second: task('Add') }) },
  );
  expect(await runMachine('backup', { sum: 1 }, options)).toEqual({ sum: 3, at: '1970-01-01T00:00:00.000Z' });
});

test('throws the error that a handler threw, not the text that the machine saw', async () => {
  const thrown = new Damaged('the chunk is damaged', { cause: new Error('underneath') });
  const { options, events } = recording(
    { Work: async () => Promise.reject(thrown) },
    { backup: sequence({ Work: task('Work') }) },
  );
  await expect(runMachine('backup', {}, options)).rejects.toBe(thrown);
  expect(events).toContainEqual({ machine: 'backup', state: 'Work', type: 'failed', error: 'Damaged' });
});

test('a handler that fails reaches Catch as Lambda would report it', async () => {
  const { options } = recording(
    { Work: async () => Promise.reject(new Damaged('the chunk')) },
    {
      backup: sequence({
        Work: task('Work', { Catch: [{ ErrorEquals: ['Damaged'], ResultPath: '$.caught', Next: 'Show' }] }),
        Never: task('Work'),
        Show: { Type: 'Pass', End: true },
      }),
    },
  );
  expect(await runMachine('backup', {}, options)).toEqual({
    caught: { Error: 'Damaged', Cause: '{"errorType":"Damaged","errorMessage":"the chunk"}' },
  });
});

test('a failed Map has the name that it has on AWS, and queued items never start', async () => {
  const { options, began } = recording(
    {
      Copy: async (input) => {
        if ((input as { n: number }).n === 2) throw new Damaged('item 2');
        await sleep(30);
      },
    },
    {
      backup: sequence({
        All: mapOver(task('Copy'), 'Copy', {
          ItemSelector: { 'n.$': '$$.Map.Item.Value' },
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught', Next: 'Show' }],
        }),
        Never: task('Copy'),
        Show: { Type: 'Pass', InputPath: '$.caught.Error', End: true },
      }),
    },
  );
  const output = await runMachine('backup', { items: [1, 2, 3, 4, 5, 6, 7, 8], jobs: 2 }, options);
  expect(output).toBe('States.ExceedToleratedFailureThreshold');
  expect(began).toEqual(['Copy', 'Copy']);
});

test('never works on more items at once than the state says', async () => {
  let now = 0;
  let most = 0;
  const { options, began } = recording(
    {
      Copy: async () => {
        most = Math.max(most, ++now);
        await sleep(5);
        now--;
      },
    },
    { backup: sequence({ All: mapOver(task('Copy'), 'Copy') }) },
  );
  await runMachine('backup', { items: Array.from({ length: 20 }, (_, n) => n), jobs: 3 }, options);
  expect(most).toBe(3);
  expect(began).toHaveLength(20);
});

test('a Map over nothing is done at once', async () => {
  const { options } = recording(
    { Copy: async () => null },
    { backup: sequence({ All: mapOver(task('Copy'), 'Copy') }) },
  );
  expect(await runMachine('backup', { items: [], jobs: 3 }, options)).toEqual({ items: [], jobs: 3 });
});

test('a failure in one branch reaches handlers in the others, and cleaning up waits for them', async () => {
  const order: string[] = [];
  const { options } = recording(
    {
      Begin: async () => ({ run }),
      Slow: async (_, { signal }) => {
        await sleep(60_000, undefined, { signal }).catch(() => undefined);
        await sleep(50);
        order.push('slow ended');
      },
      After: async () => order.push('after began'),
      Bad: async () => {
        await sleep(20);
        throw new Damaged('bad');
      },
      CleanUp: async (input) => order.push(`cleaned up ${(input as { runId: string }).runId}`),
    },
    {
      backup: withFailurePath(
        {
          Both: {
            Type: 'Parallel',
            Branches: [
              sequence({ Slow: task('Slow'), After: task('After') }),
              sequence({ Bad: task('Bad') }),
            ],
            End: true,
          },
        },
        'Both',
      ),
      'clean-up': cleanUp,
    },
  );
  await expect(runMachine('backup', {}, options)).rejects.toThrow(Damaged);
  expect(order).toEqual(['slow ended', `cleaned up ${runId}`]);
});

test('Ctrl-C reaches running handlers; then the run is cleaned up with a signal that is not aborted', async () => {
  const order: string[] = [];
  const { options, abort, began } = recording(
    {
      Begin: async () => ({ run }),
      Slow: async (_, { signal }) => {
        setTimeout(() => abort(), 20);
        await sleep(60_000, undefined, { signal }).finally(() => order.push('slow ended'));
      },
      CleanUp: async (input, { signal }) => {
        expect(signal.aborted).toBe(false);
        order.push(JSON.stringify(input));
      },
    },
    { backup: withFailurePath({ Slow: task('Slow') }, 'Slow'), 'clean-up': cleanUp },
  );
  await expect(runMachine('backup', {}, options)).rejects.toThrow(Interrupted);
  expect(order).toEqual(['slow ended', `{"runId":"${runId}","outcome":"aborted"}`]);
  expect(began).toEqual(['Begin', 'Slow', 'CleanUp']);
});

test('Ctrl-C ends the wait before a repetition, and no repetition starts', async () => {
  const { options, abort, began } = recording(
    {
      Flaky: async () => {
        setTimeout(() => abort(), 20);
        throw new Damaged('again');
      },
    },
    {
      backup: sequence({
        Flaky: task('Flaky', {
          Retry: [{ ErrorEquals: ['Damaged'], IntervalSeconds: 3600, MaxAttempts: 5 }],
        }),
      }),
    },
  );
  const before = Date.now();
  await expect(runMachine('backup', {}, options)).rejects.toThrow(Interrupted);
  expect(Date.now() - before).toBeLessThan(5000);
  expect(began).toEqual(['Flaky']);
});

test('a run aborted before it begins starts nothing', async () => {
  const { options, abort, began } = recording(
    { Work: async () => null },
    { backup: sequence({ Work: task('Work') }) },
  );
  abort();
  await expect(runMachine('backup', {}, options)).rejects.toThrow(Interrupted);
  expect(began).toEqual([]);
});

test('the reason of an abort is what is thrown, where it is an error of this project', async () => {
  const reason = new Interrupted('SIGTERM');
  const { options, abort } = recording(
    { Work: async () => abort(reason) },
    { backup: sequence({ Work: task('Work'), More: task('Work') }) },
  );
  await expect(runMachine('backup', {}, options)).rejects.toBe(reason);
});

test('repeats what the definition says to repeat, at its pace', async () => {
  let attempts = 0;
  const { options, events } = recording(
    {
      Flaky: async () => {
        if (++attempts < 4) throw new Damaged('not yet');
        return 'there';
      },
    },
    {
      backup: sequence({
        Flaky: task('Flaky', {
          Retry: [{ ErrorEquals: ['Damaged'], IntervalSeconds: 0.05, BackoffRate: 1, MaxAttempts: 3 }],
        }),
      }),
    },
  );
  const before = Date.now();
  expect(await runMachine('backup', {}, options)).toBe('there');
  expect(Date.now() - before).toBeGreaterThanOrEqual(140);
  expect(events.filter((event) => event.type === 'retried')).toHaveLength(3);
});

test('a state over 262,144 bytes ends the run, past every Catch, and the run is cleaned up', async () => {
  const { options, began } = recording(
    { Begin: async () => ({ run }), Big: async () => 'x'.repeat(262_143), CleanUp: async () => null },
    {
      backup: withFailurePath({ Big: task('Big', { ResultPath: '$.big' }) }, 'Big'),
      'clean-up': cleanUp,
    },
  );
  await expect(runMachine('backup', {}, options)).rejects.toMatchObject({ name: 'States.DataLimitExceeded' });
  expect(began).toEqual(['Begin', 'Big', 'CleanUp']);
});

test('a state that grows by a Pass is refused before the next handler starts', async () => {
  const { options, began } = recording(
    { Half: async () => 'x'.repeat(140_000), After: async () => null },
    {
      backup: sequence({
        Half: task('Half', { ResultPath: '$.half' }),
        Twice: { Type: 'Pass', Parameters: { 'a.$': '$.half', 'b.$': '$.half' }, Next: 'After' },
        After: task('After', { Parameters: { few: true } }),
      }),
    },
  );
  await expect(runMachine('backup', {}, options)).rejects.toMatchObject({ name: 'States.DataLimitExceeded' });
  expect(began).toEqual(['Half']);
});

test('a run of more than 20,000 events is ended', async () => {
  let turns = 0;
  const { options } = recording(
    { Turn: async () => ++turns },
    {
      backup: {
        StartAt: 'Turn',
        States: {
          Turn: task('Turn', { ResultPath: null, Next: 'Again' }),
          Again: {
            Type: 'Choice',
            Choices: [{ Variable: '$.end', BooleanEquals: true, Next: 'End' }],
            Default: 'Turn',
          },
          End: { Type: 'Succeed' },
        },
      },
    },
  );
  await expect(runMachine('backup', { end: false }, options)).rejects.toMatchObject({
    name: 'TooManyEvents',
  });
  // Five events a Task, two a Choice.
  expect(turns).toBeGreaterThan(20_000 / 7 - 5);
  expect(turns).toBeLessThan(20_000 / 7 + 5);
});

test('a nested execution hands its output up as on AWS, and its failure as States.TaskFailed', async () => {
  const nested = (more: object) => ({
    Type: 'Task',
    Resource: 'arn:aws:states:::states:startExecution.sync:2',
    TimeoutSeconds: 60,
    Parameters: {
      StateMachineArn: 'arn:aws:states:local:000000000000:stateMachine:Backup',
      'Input.$': '$.backup',
    },
    ...more,
  });
  const inner = sequence({ Work: task('Work') });
  const good = recording(
    { Work: async (input) => ({ got: input }) },
    {
      replicate: sequence({ RunBackup: nested({ ResultSelector: { 'output.$': '$.Output' }, End: true }) }),
      backup: inner,
    },
  );
  expect(await runMachine('replicate', { backup: { a: 1 } }, good.options)).toEqual({
    output: { got: { a: 1 } },
  });

  const bad = recording(
    { Work: async () => Promise.reject(new Damaged('inside')) },
    {
      replicate: sequence({
        RunBackup: nested({
          Catch: [{ ErrorEquals: ['States.TaskFailed'], ResultPath: '$.caught', Next: 'Show' }],
        }),
        Never: task('Work'),
        Show: { Type: 'Pass', InputPath: '$.caught', End: true },
      }),
      backup: inner,
    },
  );
  const caught = (await runMachine('replicate', { backup: {} }, bad.options)) as { Cause: string };
  expect(JSON.parse(caught.Cause)).toMatchObject({ Status: 'FAILED', Error: 'Damaged', Cause: 'inside' });
});

test('a failure noted by another process keeps its code and exit code', async () => {
  const { options } = recording(
    { Begin: async () => ({ run }), Work: async () => Promise.reject(new Error('the Map failed')) },
    {
      backup: {
        StartAt: 'Begin',
        States: {
          Begin: task('Begin', { Next: 'Work' }),
          Work: task('Work', {
            Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.caught', Next: 'Failed' }],
          }),
          Failed: { Type: 'Fail', Error: 'Damaged', Cause: 'as a worker noted it' },
        },
      },
      'clean-up': cleanUp,
    },
  );
  const error = await runMachine('backup', {}, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ReplicatorError);
  expect(error).toMatchObject({ code: 'Damaged', exitCode: 4, message: 'as a worker noted it' });
});

test('what waits in the background ends with its machine', async () => {
  const order: string[] = [];
  const keeper: Definition = {
    StartAt: 'IsParentRunning',
    States: {
      IsParentRunning: {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:sfn:describeExecution',
        TimeoutSeconds: 60,
        Parameters: { 'ExecutionArn.$': '$.parent' },
        ResultPath: '$.execution',
        Next: 'WhetherParentRuns',
      },
      WhetherParentRuns: {
        Type: 'Choice',
        Choices: [{ Variable: '$.execution.Status', StringEquals: 'RUNNING', Next: 'Invoke' }],
        Default: 'End',
      },
      End: { Type: 'Succeed' },
      Invoke: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        TimeoutSeconds: 60,
        Parameters: {
          FunctionName: 'arn:aws:lambda:local:000000000000:function:Keeper',
          InvocationType: 'Event',
          'Payload.$': '$',
        },
        ResultPath: null,
        Next: 'Wait',
      },
      Wait: { Type: 'Wait', Seconds: 540, Next: 'IsParentRunning' },
    },
  };
  const { options } = recording(
    {
      Begin: async (input) => input,
      Keeper: async (input, { signal }) => {
        order.push(`keeper sees ${(input as { execution: { Status: string } }).execution.Status}`);
        await sleep(60_000, undefined, { signal }).finally(() => order.push('keeper ended'));
      },
      Work: async () => {
        await sleep(100);
        order.push('work done');
      },
    },
    {
      backup: sequence({
        Begin: task('Begin', { Parameters: { 'id.$': '$$.Execution.Id' } }),
        StartKeepSnapshot: {
          Type: 'Task',
          Resource: 'arn:aws:states:::states:startExecution',
          TimeoutSeconds: 60,
          Parameters: {
            StateMachineArn: 'arn:aws:states:local:000000000000:stateMachine:KeepSnapshot',
            Input: { 'parent.$': '$.id' },
          },
          ResultPath: null,
          Next: 'Work',
        },
        Work: task('Work', { ResultPath: null }),
      }),
      'keep-snapshot': keeper,
    },
  );
  const before = Date.now();
  await runMachine('backup', {}, options);
  expect(order).toEqual(['keeper sees RUNNING', 'work done', 'keeper ended']);
  expect(Date.now() - before).toBeLessThan(5000);
});

test('tells how long every state took', async () => {
  const { options, events } = recording(
    { Work: async () => sleep(50, null) },
    { backup: sequence({ Work: task('Work') }) },
  );
  await runMachine('backup', {}, options);
  expect(events.map((event) => event.type)).toEqual(['entered', 'exited']);
  const exited = events[1];
  expect(exited?.type === 'exited' && exited.seconds).toBeGreaterThan(0.04);
});
