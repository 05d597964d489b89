import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { UsageError } from '../functions/errors/usage.ts';
import { type InputKind, readInput } from '../functions/run/execution-input.ts';
import { openDeployment } from './aws/open-deployment.ts';
import type { Io } from './io.ts';
import { flagOf, type Options, type OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { type ExecutionSummary, executionLines, summaryOf } from './report/execution-report.ts';
import { printResult } from './report/print-result.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const kinds = ['backup', 'restore', 'replicate'] as const;

const backupFields = {
  excludeTableData: option.excludeTableData,
  excludeTable: option.excludeTable,
  schemaOnly: option.schemaOnly,
  shardSize: { ...option.shardSize, schema: option.shardSize.schema.unwrap().optional() },
};
const restoreFields = {
  backup: { ...option.backup, schema: z.string().optional() },
  table: option.table,
  keepPrevious: option.keepPrevious,
  afterRestore: {
    help: "Run the deployment's command afterwards, where it has one.",
    schema: z.boolean().default(false),
  },
  dryRun: option.dryRun,
};

const options = {
  stack: option.stack,
  target: option.deployedTarget,
  input: {
    value: 'FILE',
    help: 'The input of the execution as JSON (docs/inputs.md), - for standard input; other options go over it.',
    schema: z.string().optional(),
  },
  name: {
    value: 'NAME',
    help: 'Name of the execution; started again with the same input while it runs, it is the same one.',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,80}$/, 'takes 1 to 80 letters, digits, - and _')
      .optional(),
  },
  follow: {
    help: 'Show it until it has ended, and end with its exit code.',
    schema: z.boolean().default(false),
  },
  excludeMedia: option.excludeMedia,
  jobs: { ...option.jobs, schema: option.jobs.schema.unwrap().optional() },
  invalidateCache: {
    help: "Invalidate the deployment's cache, where it has one.",
    schema: z.boolean().default(false),
  },
  ...backupFields,
  ...restoreFields,
  json: option.json,
  quiet: option.quiet,
};

export const startVerb: Verb = {
  name: 'start',
  summary: 'Start a backup, restore or replication of a deployed stack, and follow it',
  usage: 'backup|restore|replicate --stack NAME [--target NAME] [--input FILE] [options] [--follow]',
  details: [
    "Finds the deployment's state machines by the outputs of its stacks, checks the input as their first state does, and starts an execution. Databases, buckets and secrets are the deployment's.",
    'Ctrl-C ends the following, not the execution; replicator status shows it again. The identity needs the rights that docs/deploy.md lists for operators.',
  ],
  options,
  async run(written, io) {
    const [kind] = written.positionals;
    refuseExtra(written.positionals, 1);
    if (!isKind(kind))
      throw new UsageError('say what to start: replicator start backup, restore or replicate');
    refuseForeign(kind, Object.keys(written.values));
    const chosen = validateOptions(options, written.values, io.environment);
    const started = await start(kind, chosen, io);
    printResult(io, chosen, { execution: started }, executionLines(started, chosen.stack), started.name);
    return 0;
  },
};

/**
 * Starts an execution of a deployed machine; with `follow` waits for its end.
 * @throws UsageError, StackUnknown, ExecutionExists, AwsRefused; with `follow` what the execution failed of
 */
export async function start(
  kind: InputKind,
  given: OptionsInput<typeof options>,
  io: Io,
): Promise<ExecutionSummary> {
  const chosen = validateOptions(options, given, io.environment);
  const input = inputOf(kind, chosen, await readGiven(chosen.input, io));
  const read = readInput(kind, input);
  if ('complaint' in read) throw new UsageError(`the input of ${kind}: ${read.complaint}`);
  const { machines, executions } = await openDeployment(chosen.stack, chosen.target);
  try {
    const [{ machineFor }, { follow }] = await Promise.all([
      import('./aws/deployment.ts'),
      import('./aws/follow.ts'),
    ]);
    const machine = machineFor(kind, machines, chosen.stack);
    const arn = await executions.start(machine.arn, chosen.name ?? newName(kind), input);
    const name = arn.split(':').at(-1) ?? arn;
    if (!chosen.follow) return { ...summaryOf(machine), name, arn, status: 'RUNNING' };
    if (!chosen.quiet) io.stderr.write(`replicator: started ${name}\n`);
    const description = await follow(executions, arn, kind, { io, quiet: chosen.quiet });
    return { ...summaryOf(machine, description), name, arn };
  } finally {
    executions.end();
  }
}

function isKind(word: string | undefined): word is InputKind {
  return kinds.some((kind) => kind === word);
}

/** @throws UsageError for an option that says something about the other half */
function refuseForeign(kind: InputKind, names: readonly string[]): void {
  const foreign = kind === 'backup' ? restoreFields : kind === 'restore' ? backupFields : { backup: true };
  const found = names.find((name) => name in foreign);
  if (found === undefined) return;
  const why =
    kind === 'replicate'
      ? 'replicate restores the backup that it makes'
      : `start ${kind} has no such option; start ${kind === 'backup' ? 'restore' : 'backup'} has it`;
  throw new UsageError(`${flagOf(found)}: ${why}`);
}

/** @throws UsageError */
async function readGiven(file: string | undefined, io: Io): Promise<unknown> {
  if (file === undefined) return {};
  const text = file === '-' ? await readAll(io) : await readFile(file, 'utf8').catch(unreadable(file));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`--input: ${file} is not JSON`, { cause });
  }
}

async function readAll(io: Io): Promise<string> {
  let text = '';
  for await (const piece of io.stdin ?? []) text += String(piece);
  return text;
}

function unreadable(file: string): (cause: NodeJS.ErrnoException) => never {
  return (cause) => {
    throw new UsageError(`--input: ${file} can't be read (${cause.code})`, { cause });
  };
}

/** What the options say goes over what the file says; what neither says, the deployment's defaults do. */
function inputOf(kind: InputKind, chosen: Options<typeof options>, given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  const common = said({ jobs: chosen.jobs, excludeMedia: chosen.excludeMedia });
  const backup = {
    ...common,
    ...said({
      excludeTableData: chosen.excludeTableData,
      excludeTables: chosen.excludeTable,
      schemaOnly: chosen.schemaOnly,
      shardBytes: chosen.shardSize,
    }),
  };
  const restore = {
    ...common,
    ...said({
      backup: chosen.backup,
      tables: chosen.table,
      keepPrevious: chosen.keepPrevious,
      afterRestore: chosen.afterRestore,
      dryRun: chosen.dryRun,
    }),
  };
  // The cache of a replication is its target's
  const cache = said({ invalidateCache: chosen.invalidateCache });
  if (kind === 'backup') return { ...given, ...backup, ...cache };
  if (kind === 'restore') return { ...given, ...restore, ...cache };
  const halves = given as { backup?: object; restore?: object };
  return {
    ...given,
    backup: { ...halves.backup, ...backup },
    restore: { ...halves.restore, ...restore, ...cache },
  };
}

/** Without what was not said: flags that are off, empty lists, missing values. */
function said(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isSaid = (value: unknown) =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => isSaid(value)));
}

function newName(kind: InputKind): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return `${kind}-${time}-${randomBytes(3).toString('hex')}`;
}
