import { parseArgs } from 'node:util';
import { contenders } from './contenders/all.ts';

export interface BenchOptions {
  /** 10^9 bytes of COPY text. */
  readonly gigabytes: number;
  readonly rounds: number;
  readonly jobs: number;
  /** Names of contenders; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** What a reader must know about the circumstances. */
  readonly note: string | undefined;
  /** Put the results into docs/benchmarks.md. */
  readonly publish: boolean;
}

/** What was given can't be meant. */
export class BadOption extends Error {
  override readonly name = 'BadOption';
}

export const usage = `npm run bench [-- options]

Makes a Nautobot database with a long change log, starts two PostgreSQL servers and an S3 server, and measures replicator
against the tools that do the same, in turn; stops everything. docs/benchmarks.md says how to install the tools.

  --gb N         size of the database as COPY text, in 10^9 bytes (1)
  --runs N       runs of each command; the median counts (3)
  --jobs N       connections that every tool gets (2)
  --only NAME    only these, separated by commas; may be repeated:
                 ${contenders.map(({ name }) => name).join(', ')}
  --note TEXT    a remark to keep with the results, such as what else ran on the machine
  --publish      put the results into docs/benchmarks.md
  --help         this text`;

/**
 * @returns undefined where help was asked for
 * @throws BadOption
 */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const only = values.only?.flatMap((names) => names.split(',')).filter(Boolean);
  const names = contenders.map(({ name }) => name);
  for (const name of only ?? [])
    if (!names.includes(name)) throw new BadOption(`--only ${name}: there are ${names.join(', ')}`);
  return {
    gigabytes: number('--gb', values.gb ?? '1', 0.1, 10_000),
    rounds: whole('--runs', values.runs ?? '3', 1, 100),
    jobs: whole('--jobs', values.jobs ?? '2', 1, 64),
    only,
    note: values.note,
    publish: values.publish ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        gb: { type: 'string' },
        runs: { type: 'string' },
        jobs: { type: 'string' },
        only: { type: 'string', multiple: true },
        note: { type: 'string' },
        publish: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new BadOption((error as Error).message, { cause: error });
  }
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new BadOption(`${option} ${text}: not a number from ${least} to ${most}`);
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = number(option, text, least, most);
  if (Number.isInteger(value)) return value;
  throw new BadOption(`${option} ${text}: not a whole number`);
}
