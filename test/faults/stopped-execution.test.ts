import { Stack } from 'aws-cdk-lib';
import type { CfnRule } from 'aws-cdk-lib/aws-events';
import { DefinitionBody, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { beforeAll, expect, inject, test } from 'vitest';
import { beginRun } from '../../functions/recovery/begin-run.ts';
import type { RunState } from '../../functions/run/state.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { cleanUpEndedExecutions } from '../../infra/ended-executions.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { watchedRun } from './watched-run.ts';
import { leftInStore, sessionsLeft } from './what-is-left.ts';

interface Transformer {
  readonly inputPathsMap: Readonly<Record<string, string>>;
  readonly inputTemplate: string;
}

let source: SmallNautobot;
let transformer: Transformer;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await smallNautobot('stopped_source');
  const stack = new Stack();
  const machine = (id: string) =>
    new StateMachine(stack, id, { definitionBody: DefinitionBody.fromString('{}') });
  const rule = cleanUpEndedExecutions(stack, { watched: [machine('Backup')], cleanUp: machine('CleanUp') });
  const { eventPattern, targets } = rule.node.defaultChild as CfnRule;
  expect(stack.resolve(eventPattern).detail.status).toContain('ABORTED');
  transformer = stack.resolve(targets)[0].inputTransformer;
});

/** What EventBridge makes of an event for the rule's target: paths looked up, texts in quotation marks. */
function transformed(event: unknown): unknown {
  const valueAt = (path: string) =>
    path
      .replace(/^\$\./, '')
      .split('.')
      .reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], event);
  const text = transformer.inputTemplate.replace(/<([\w-]+)>/g, (_, name: string) =>
    JSON.stringify(valueAt(transformer.inputPathsMap[name] ?? '')),
  );
  return JSON.parse(text);
}

/** As Step Functions tells EventBridge of an execution that somebody stopped. */
function stopped(run: RunState) {
  const [machine, name] = run.executionId.split(':').slice(-2);
  return {
    version: '0',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    resources: [run.executionId],
    detail: {
      executionArn: run.executionId,
      stateMachineArn: `arn:aws:states:eu-central-1:111111111111:stateMachine:${machine}`,
      name,
      status: 'ABORTED',
      startDate: Date.parse(run.startedAt),
      stopDate: Date.now(),
      input: '{}',
      inputDetails: { included: true },
      output: null,
    },
  };
}

/** A backup that is stopped in its middle, and whose own machine does nothing about it. */
async function stoppedBackup(store: string): Promise<RunState> {
  const controller = new AbortController();
  let run: RunState | undefined;
  await expect(
    watchedRun({
      machine: 'backup',
      places: { store, source: source.database.url, sourceMedia: source.media },
      input: { jobs: 2, shardBytes: 1024 * 1024 },
      signal: controller.signal,
      instead: {
        Begin: (work) => async (input, around) => {
          const output = (await work(input, around)) as { run: RunState };
          run = output.run;
          return output;
        },
        CleanUp: () => async () => null,
      },
      watch: (point) => {
        if (point === 'left CopyShard') controller.abort();
      },
    }),
  ).rejects.toThrow();
  return run as RunState;
}

test('the rule on ended executions names the run by its execution alone, and CleanUp removes what it left', async () => {
  const uri = (await freshBucket()).uri();
  const run = await stoppedBackup(uri);
  expect((await leftInStore(uri)).join('\n')).toContain(`runs/${run.id}/`);
  const input = transformed(stopped(run));
  expect(input).toEqual({
    executionId: run.executionId,
    startedAt: Date.parse(run.startedAt),
    outcome: 'ABORTED',
  });
  const output = await watchedRun({
    machine: 'clean-up',
    places: { store: uri, source: source.database.url },
    input: input as Record<string, unknown>,
  });
  expect(output).toMatchObject({ runId: run.id, outcome: 'ABORTED' });
  expect(await leftInStore(uri)).toEqual([]);
  expect(await sessionsLeft(source.database)).toEqual([]);
});

test('a second execution is refused in words that name the one that runs', async () => {
  const uri = (await freshBucket()).uri();
  const running = 'arn:aws:states:eu-central-1:111111111111:execution:Nautobot-Backup:nightly';
  const enter = (executionId: string, id: string) =>
    watchedRun({
      machine: 'backup',
      places: { store: uri, source: source.database.url },
      instead: {
        Lock: () => (input, around) => {
          const { run } = input as { run: RunState };
          const owner = { kind: 'execution' as const, arn: executionId };
          return beginRun(
            { ...run, id },
            { keepPrevious: false },
            { ...around, owner, isAlive: async () => true },
          );
        },
        DumpSchema: () => async () => Promise.reject(new Error('far enough')),
        CleanUp: () => async () => null,
      },
    });
  await enter(running, '20261123T054300Z-k3f9qa').catch(() => undefined);
  await expect(enter(`${running}-again`, '20261123T054301Z-k3f9qb')).rejects.toMatchObject({
    code: 'RunInProgress',
    exitCode: 3,
    message: expect.stringContaining(`execution ${running})`),
  });
  expect(await openStore(uri).listFolders('locks/')).toHaveLength(1);
});
