import { UsageError } from '../functions/errors/usage.ts';
import { describeAddress } from '../functions/postgres/address.ts';
import { openDatabase } from '../functions/postgres/database.ts';
import { allowedTargets } from '../functions/run/allowed.ts';
import { environment as names } from '../functions/run/environment-names.ts';
import { checkListed, refuse } from '../functions/target/check-target.ts';
import { markTarget } from '../functions/target/target-mark.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { printResult } from './report/print-result.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = { target: option.target, json: option.json };

export const allowTargetVerb: Verb = {
  name: 'allow-target',
  summary: 'Mark a database as one that restores may replace',
  usage: 'URL',
  details: ["The mark is a line in the database's comment and is kept by later restores."],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 1);
    const [url] = written.positionals;
    if (url !== undefined && written.values.target !== undefined)
      throw new UsageError('--target and a URL without an option are both given; give one of them');
    const values = url === undefined ? written.values : { ...written.values, target: url };
    const chosen = validateOptions(options, values, io.environment);
    const target = await allow(chosen, io);
    printResult(io, chosen, { allowed: target }, [
      `${describeAddress(target)} may be restored into from now on`,
    ]);
    return 0;
  },
};

/**
 * @returns the address of the database that carries the mark now, without its password
 * @throws TargetNotListed, and what connecting throws
 */
export async function allow(given: OptionsInput<typeof options>, io: Io) {
  const chosen = validateOptions(options, given, io.environment);
  const database = await openDatabase(chosen.target, '--target');
  const allowed = allowedTargets(io.environment[names.allowedTargets], names.allowedTargets);
  refuse([checkListed(database, allowed)], database);
  await markTarget(database, io.signal);
  return database.address;
}
