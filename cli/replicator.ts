import { nearest } from '../functions/errors/nearest.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { failureOf, printFailure } from './failure.ts';
import { helpOf, overview } from './help.ts';
import type { Io } from './io.ts';
import { parseOptions } from './parse-options.ts';
import { laterVerbs, verbs } from './verbs.ts';
import { version } from './version.ts';

/**
 * Runs one command line and tells of its end.
 * @param argv what follows the program's name
 * @returns the exit code
 */
export async function replicator(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    const failure = failureOf(error, io.signal);
    printFailure(failure, error, io, argv.includes('--json'));
    return failure.exitCode;
  }
}

async function dispatch([name, ...rest]: readonly string[], io: Io): Promise<number> {
  if (name === '--version' || name === 'version') return write(io, `${version}\n`);
  if (name === undefined) {
    io.stderr.write(`${overview(verbs)}\n`);
    throw new UsageError('a verb is missing');
  }
  if (name === 'help' || name === '--help' || name === '-h') return help(rest, io);
  const verb = verbNamed(name);
  const beforeSeparator = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (beforeSeparator.includes('--help') || beforeSeparator.includes('-h')) return write(io, helpOf(verb));
  return verb.run(parseOptions(verb.name, rest, verb.options, verb.later), io);
}

function help([name]: readonly string[], io: Io): number {
  return write(io, name === undefined ? overview(verbs) : helpOf(verbNamed(name)));
}

function verbNamed(name: string) {
  const found = verbs.find((verb) => verb.name === name);
  if (found) return found;
  if (laterVerbs.includes(name)) throw new UsageError(`this version does not have \`${name}\` yet`);
  if (name.startsWith('-'))
    throw new UsageError(`the verb comes first, as in replicator backup ${name.split('=')[0]} …`);
  const meant = nearest(name, [...verbs.map((verb) => verb.name), ...laterVerbs]);
  throw new UsageError(
    `there is no verb ${JSON.stringify(name)}; ${meant ? `did you mean ${meant}?` : 'see replicator help'}`,
  );
}

function write(io: Io, text: string): number {
  io.stdout.write(text);
  return 0;
}
