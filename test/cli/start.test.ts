import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stackOutputs } from '../../functions/run/stack-outputs.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { useServer } from '../store/s3-servers.ts';
import { add, entered, exited, FakeAws, type FakeExecution, fail, succeed } from './aws/fake-aws.ts';
import { cliInProcess, startCli } from './run-cli.ts';

const machine = (name: string) => `arn:aws:states:eu-central-1:111111111111:stateMachine:${name}`;
const backupId = '20261123T054300Z-k3f9qa';

let aws: FakeAws;
let env: Readonly<Record<string, string>>;
let restoreEnvironment: () => void;

beforeEach(async () => {
  aws = new FakeAws();
  env = await aws.listen();
  restoreEnvironment = useServer(env);
  aws.stacks.set('Nautobot', {
    [stackOutputs.backupMachine]: machine('Nautobot-Backup'),
    [stackOutputs.targets]: 'staging,training,gone',
  });
  for (const target of ['staging', 'training'])
    aws.stacks.set(`Nautobot-${target}`, {
      [stackOutputs.targetName]: target,
      [stackOutputs.restoreMachine]: machine(`Nautobot-${target}-Restore`),
      [stackOutputs.replicateMachine]: machine(`Nautobot-${target}-Replicate`),
    });
  aws.stacks.set('Other', { [stackOutputs.targets]: 'staging' });
  aws.stacks.set('Other-staging', {
    [stackOutputs.targetName]: 'staging',
    [stackOutputs.restoreMachine]: machine('Other-staging-Restore'),
  });
});
afterEach(() => {
  restoreEnvironment();
  aws.close();
});

const start = (...args: string[]) => cliInProcess(['start', ...args, '--stack', 'Nautobot']);
const status = (...args: string[]) => cliInProcess(['status', ...args, '--stack', 'Nautobot']);
const behave = (name: string, behaviour: (execution: FakeExecution) => void) =>
  aws.behaviours.set(machine(name), behaviour);
const inputs = () => [...aws.executions.values()].map(({ input }) => input);

/** A backup in the middle of its rows: a Parallel of a Map of 2,030 shards and the media's plan. */
function copying(execution: FakeExecution): void {
  const lock = add(execution, 0, { type: 'ExecutionStarted' }, entered('Lock'), {
    type: 'LambdaFunctionScheduled',
  });
  const failed = {
    type: 'LambdaFunctionFailed',
    lambdaFunctionFailedEventDetails: { error: 'Lambda.TooManyRequestsException', cause: 'Rate exceeded' },
  };
  const both = add(
    execution,
    lock,
    failed,
    { type: 'LambdaFunctionScheduled' },
    { type: 'LambdaFunctionSucceeded' },
    exited('Lock'),
    entered('CopyRowsAndMedia', 'Parallel'),
    { type: 'ParallelStateStarted' },
  );
  const mapRunArn = `${execution.executionArn}:run`;
  aws.mapRuns.set(mapRunArn, { succeeded: 120, total: 2030 });
  add(
    execution,
    both,
    entered('CopyShards', 'Map'),
    { type: 'MapStateStarted' },
    { type: 'MapRunStarted', mapRunStartedEventDetails: { mapRunArn } },
  );
  add(execution, both, entered('PlanMedia'), { type: 'LambdaFunctionScheduled' });
}

describe('start', () => {
  test('prints the name that status takes, and starts with what the options say', async () => {
    const started = await start(
      'backup',
      '--name',
      'first',
      '--jobs',
      '4',
      '--exclude-table-data',
      'extras_*',
    );
    expect(started).toMatchObject({ code: 0, stderr: '' });
    expect(started.stdout).toContain('replicator status first --stack Nautobot');
    expect(inputs()).toEqual([{ jobs: 4, excludeTableData: ['extras_*'] }]);
  });

  test('lays the options of both halves over a file', async () => {
    const file = join(await freshFolder(), 'input.json');
    await writeFile(
      file,
      JSON.stringify({ backup: { jobs: 9, schemaOnly: true }, restore: { keepPrevious: true } }),
    );
    const args = ['replicate', '--target', 'training', '--input', file, '--jobs', '3', '--invalidate-cache'];
    expect(await start(...args)).toMatchObject({ code: 0 });
    expect(inputs()).toEqual([
      {
        backup: { jobs: 3, schemaOnly: true },
        restore: { jobs: 3, keepPrevious: true, invalidateCache: true },
      },
    ]);
  });

  test('with --follow tells what came of it', async () => {
    behave('Nautobot-Backup', (execution) => {
      copying(execution);
      setTimeout(() => succeed(execution, { backup: { backupId } }), 700);
    });
    const { code, stdout } = await start('backup', '--follow', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).execution).toMatchObject({
      kind: 'backup',
      status: 'SUCCEEDED',
      backup: backupId,
    });
  });

  test.each([
    ['RunInProgress', 'another run works on it', 3, 'another run works on it (RunInProgress)'],
    ['RestoreVerificationFailed', 'dcim_cable has 3 rows too few', 4, '(RestoreVerificationFailed)'],
    ['InvalidInput', 'jobz is not a field', 2, '(InvalidInput)'],
    ['Lambda.Odd', 'nobody knows', 1, 'Lambda.Odd: nobody knows (ExecutionFailed)'],
  ])('followed, ends with the exit code of what it failed of: %s', async (error, cause, code, message) => {
    behave('Nautobot-Backup', (execution) => fail(execution, error, cause));
    const ended = await start('backup', '--follow');
    expect(ended.stderr).toContain(message);
    expect(ended.code).toBe(code);
  });

  test('followed, an execution that somebody else ends is said to be', async () => {
    behave('Nautobot-Backup', (execution) => {
      execution.status = 'ABORTED';
    });
    expect(await start('backup', '--follow', '--name', 'mine')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the execution mine ended as ABORTED (ExecutionEnded)'),
    });
  });

  test('wants the target named where there are several, and says which are not there', async () => {
    expect(await start('restore')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--target staging, or --target training'),
    });
    expect((await start('restore', '--target', 'produktion')).stderr).toContain(
      'no stack Nautobot-produktion',
    );
    expect((await cliInProcess(['start', 'backup', '--stack', 'Nowhere'])).stderr).toContain(
      '(StackUnknown)',
    );
    expect((await cliInProcess(['start', 'backup', '--stack', 'Other'])).stderr).toContain(
      'makes no backups',
    );
  });

  test('refuses a wrong input, and starts nothing', async () => {
    const file = join(await freshFolder(), 'input.json');
    await writeFile(file, JSON.stringify({ jobz: 3 }));
    expect(await start('backup', '--input', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('jobz is not a field; did you mean jobs?'),
    });
    expect((await start('backup', '--table', 'x')).stderr).toContain('start restore has it');
    expect((await start('replicate', '--backup', 'latest')).stderr).toContain('the backup that it makes');
    expect(await start('all')).toMatchObject({ code: 2 });
    expect(inputs()).toEqual([]);
  });

  test('says which right is missing', async () => {
    aws.denied.add('StartExecution');
    expect(await start('backup')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/states:StartExecution: .*\(AwsRefused\)/),
    });
  });

  test('followed, the execution goes on when nobody looks any more', async () => {
    behave('Nautobot-Backup', copying);
    const args = ['start', 'backup', '--stack', 'Nautobot', '--name', 'long', '--follow'];
    const followed = startCli(args, { env });
    await expect.poll(() => aws.executions.size, { timeout: 20_000 }).toBe(1);
    followed.child.kill('SIGINT');
    const { code, stderr } = await followed.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('whatever runs on AWS goes on');
    expect([...aws.executions.values()][0]?.status).toBe('RUNNING');
  });
});

describe('status', () => {
  test('lists what runs and how far it is, and what failed and why, newest first', async () => {
    behave('Nautobot-Backup', copying);
    behave('Nautobot-staging-Restore', (execution) => fail(execution, 'TargetNotAllowed', 'no mark\nmore'));
    await start('restore', '--target', 'staging', '--name', 'second');
    for (const execution of aws.executions.values())
      Object.assign(execution, { startDate: execution.startDate - 60 });
    await start('backup', '--name', 'first');
    const { stdout, code } = await status();
    expect(code).toBe(0);
    const [, newest, older] = stdout.split('\n');
    expect(newest).toMatch(/^backup +first +RUNNING +\S+ \S+ +\S.* +CopyShards 120 of 2,030, PlanMedia$/);
    expect(older).toMatch(/^restore to staging +second +FAILED .* TargetNotAllowed: no mark$/);
    expect((await cliInProcess(['status', '--stack', 'Other'])).stdout).toContain('no executions yet');
  });

  test('shows one execution state by state, attempts that failed with their errors', async () => {
    behave('Nautobot-Backup', copying);
    await start('backup', '--name', 'first');
    const { stdout } = await status('first');
    expect(stdout).toContain('working on: CopyShards 120 of 2,030, PlanMedia');
    expect(stdout).toMatch(/^Lock .* 1 failed: Lambda\.TooManyRequestsException$/m);
    expect(stdout).toMatch(/^CopyShards .* works$/m);
    expect(await status('nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('(ExecutionUnknown)'),
    });
  });

  test('what was begun beside a branch that failed is no longer shown as working', async () => {
    behave('Nautobot-Backup', (execution) => {
      copying(execution);
      add(
        execution,
        execution.events.length,
        { type: 'ParallelStateFailed' },
        exited('CopyRowsAndMedia', 'Parallel'),
        entered('ReadFailure'),
      );
    });
    await start('backup', '--name', 'first');
    expect((await status('first')).stdout).toContain('working on: ReadFailure\n');
  });

  test('looks into the backup that a replication runs', async () => {
    behave('Nautobot-Backup', copying);
    behave('Nautobot-staging-Replicate', (execution) => {
      const nested = aws.start(machine('Nautobot-Backup'), 'nested', {}) as FakeExecution;
      const output = JSON.stringify({ ExecutionArn: nested.executionArn });
      add(
        execution,
        0,
        entered('RunBackup'),
        { type: 'TaskScheduled' },
        { type: 'TaskStarted' },
        { type: 'TaskSubmitted', taskSubmittedEventDetails: { output } },
      );
    });
    await start('replicate', '--target', 'staging', '--name', 'both');
    expect((await status('both')).stdout).toContain(
      'working on: RunBackup: CopyShards 120 of 2,030, PlanMedia',
    );
  });
});
