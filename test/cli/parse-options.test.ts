import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as option from '../../cli/options.ts';
import { parseOptions, refuseExtra } from '../../cli/parse-options.ts';
import { validateOptions } from '../../cli/validate-options.ts';
import { UsageError } from '../../functions/errors/usage.ts';

const kinds = {
  source: option.source,
  store: option.store,
  excludeTableData: option.excludeTableData,
  schemaOnly: option.schemaOnly,
  jobs: option.jobs,
  shardSize: option.shardSize,
  invalidateCache: option.invalidateTargetCache,
};
const parse = (...argv: string[]) => parseOptions('backup', argv, kinds, ['--rows']);
const validate = (...argv: string[]) => validateOptions(kinds, parse(...argv).values, {});
const places = ['--source', 'postgres://u@h/d', '--store', 's3://b/p'];

describe('reading options', () => {
  test('takes values after a space and after an equals sign', () => {
    expect(parse('--source', 'postgres://a', '--store=s3://b').values).toEqual({
      source: 'postgres://a',
      store: 's3://b',
    });
  });

  test('collects options that may be repeated', () => {
    expect(parse('--exclude-table-data', 'a', '--exclude-table-data=b*').values.excludeTableData).toEqual([
      'a',
      'b*',
    ]);
  });

  test.each([
    ['--sorce', 'did you mean --source?'],
    ['--exclude-tables-data', 'did you mean --exclude-table-data?'],
    ['--shard', 'did you mean --shard-size?'],
    ['--completely-different', 'see replicator backup --help'],
  ])('answers %s with a hint', (flag, hint) => {
    expect(() => parse(flag, 'x')).toThrow(hint);
  });

  test.each([
    [['--rows', 'x'], 'this version does not have --rows yet'],
    [['--source'], '--source needs a value: --source URL'],
    [['--source='], '--source needs a value: --source URL'],
    [['--source', '--store', 's3://b'], '--source needs a value, but an option follows'],
    [['--schema-only=yes'], '--schema-only takes no value'],
    [['--store', 's3://a', '--store', 's3://b'], '--store was given twice'],
  ])('refuses %j', (argv, message) => {
    expect(() => parse(...argv)).toThrow(UsageError);
    expect(() => parse(...argv)).toThrow(message);
  });

  test('says nothing of the password in a value that stands at the wrong place', () => {
    const { positionals } = parse('postgres://nautobot:hush@host/db');
    expect(() => refuseExtra(positionals, 0)).toThrow('postgres://nautobot:***@host/db');
    expect(() => parse('--sorce=postgres://nautobot:hush@host/db')).not.toThrow(/hush/);
  });

  test('either reads arguments or explains what is wrong, and never anything else', () => {
    const words = fc.oneof(
      fc.constantFrom(
        '--source',
        '--store=x',
        '--jobs',
        '--schema-only',
        '--',
        '-',
        '--no-schema-only',
        '-x',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(words), (argv) => {
        try {
          parse(...argv);
        } catch (error) {
          return error instanceof UsageError;
        }
        return true;
      }),
    );
  });
});

describe('checking options', () => {
  test.each([
    [['--jobs', '0'], '--jobs: "0" is not a number of workers from 1 to 1000'],
    [['--jobs', 'many'], '--jobs: "many" is not a number of workers'],
    [['--jobs', '2.5'], '--jobs: "2.5" is not a number of workers'],
    [['--shard-size', '12 parsecs'], '--shard-size: "12 parsecs" is not a size'],
    [['--shard-size', '1kB'], '--shard-size: "1kB" is too small'],
    [['--invalidate-cache', 'http://u:hush@h'], '--invalidate-cache: is not a Redis URL'],
  ])('refuses %j and names the option', (argv, message) => {
    expect(() => validate(...places, ...argv)).toThrow(message);
    expect(() => validate(...places, ...argv)).not.toThrow(/hush/);
  });

  test('names every option that is missing, and the variable that would do', () => {
    expect(() => validate()).toThrow(
      '--source is missing: give --source URL, or set REPLICATOR_SOURCE; --store is missing',
    );
  });

  test('takes from the environment what is not given, and prefers what is given', () => {
    const environment = { REPLICATOR_SOURCE: 'postgres://environment', REPLICATOR_STORE: 's3://environment' };
    const { values } = parse('--source', 'postgres://argument');
    expect(validateOptions(kinds, values, environment)).toMatchObject({
      source: 'postgres://argument',
      store: 's3://environment',
    });
  });

  test('takes an empty variable for none, and names the variable when its value is wrong', () => {
    expect(() => validateOptions(kinds, {}, { REPLICATOR_SOURCE: '' })).toThrow('--source is missing');
    expect(() => validateOptions(kinds, {}, { REPLICATOR_CACHE: 'nonsense' })).toThrow(
      'REPLICATOR_CACHE: is not a Redis URL',
    );
  });

  test('changes nothing when checked options are checked again', () => {
    const once = validate(...places, '--jobs', '7', '--shard-size', '1GB', '--exclude-table-data', 'x');
    expect(validateOptions(kinds, once, {})).toEqual(once);
  });
});
