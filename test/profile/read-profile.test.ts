import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { BadProfile } from '../../functions/profile/errors.ts';
import { dissect, expand, NotUsable } from '../../functions/profile/expression.ts';
import { builtIn, findProfile } from '../../functions/profile/find-profile.ts';
import { looksSecret } from '../../functions/profile/looks-secret.ts';
import { readProfile } from '../../functions/profile/read-profile.ts';

const read = (text: string) => readProfile([{ name: 'p.yaml', text }]);
const context = { switches: { who: "o'brien", none: null, days: 30 }, backupTime: '2026-11-23T05:43:00Z' };

describe('a profile', () => {
  it('is refused by line, column and field, with all that is wrong', () => {
    expect(() =>
      read('version: 1\ntables:\n  a:\n    row: none\n    columns:\n      x: {tu: 1}\nwhat: 3\n'),
    ).toThrow(
      /p\.yaml:4:5: tables\.a has no field "row"[\s\S]*p\.yaml:6:11: tables\.a\.columns\.x has no field "tu"[\s\S]*p\.yaml:7:1: the profile has no field "what"/,
    );
    expect(() => read('version: 2')).toThrow(/p\.yaml:1:1: version: this program reads version 1/);
    expect(() => read('version: 1\ntables:\n  a: {rows: none}\n  a: {rows: all}')).toThrow(
      /p\.yaml:4:3: not YAML: Map keys/,
    );
    expect(() => read('version: 1\ntables: {a: {columns: {x: ""}}}')).toThrow(
      /is empty; the empty text is written "''"/,
    );
    expect(() => read('version: 1\nwhen: [{switches: {q: 1}}]')).toThrow(
      /p\.yaml:2:\d+: no switch is called q/,
    );
  });

  it('takes what YAML reads as values for values of SQL', () => {
    const { sections } = read('version: 1\ntables: {a: {columns: {x: false, y: null, z: 3, t: "\'a\'"}}}');
    expect(sections[0]?.rules.filter(({ about }) => about === 'column').map(({ text }) => text)).toEqual([
      'false',
      'NULL',
      '3',
      "'a'",
    ]);
  });

  it('that is built in has nothing wrong, and may be extended, but not in a circle', async () => {
    for (const reference of Object.keys(builtIn)) await findProfile({ reference, folder: '/nowhere' });
    await expect(findProfile({ reference: 'no-such', folder: '/nowhere' })).rejects.toThrow(
      /no-such is neither a built-in profile \(nautobot\) nor a file/,
    );
  });

  test('whatever its text is, is read or refused as a profile', () => {
    const piece = fc.constantFrom(
      'version: 1\n',
      'tables:\n',
      '  a:\n',
      '    rows: none\n',
      '- x\n',
      '&a ',
      '*a',
      '{',
      ': ',
      '"',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(BadProfile);
          }
        },
      ),
    );
  });
});

describe('an expression', () => {
  it('has SQL in the place of what only a profile knows', async () => {
    expect((await expand("switch('who') || switch('none') || switch ( 'days' )", context)).sql).toBe(
      "'o''brien'::pg_catalog.text || NULL || 30",
    );
    expect((await expand('at > backup_time() -- ago\n - x', context)).sql).toBe(
      "at > '2026-11-23T05:43:00Z'::pg_catalog.timestamptz -- ago\n - x",
    );
    expect((await expand('t.switch(1) + my.mask.hash(x) + "mask"."hash"', context)).sql).toBe(
      't.switch(1) + my.mask.hash(x) + "mask"."hash"',
    );
    await expect(expand('mask.hash(x, 65)', context)).rejects.toThrow(
      /mask\.hash\(value, length\), with a length/,
    );
    await expect(expand("switch('nobody')", context)).rejects.toThrow(/no switch nobody/);
  });

  it.each([
    ['a, b', 'not one expression'],
    ['1) FROM x WHERE (true', 'not one expression'],
    ['1; DROP TABLE x', 'not SQL'],
    ['(SELECT 1)', 'other rows'],
    ['x IN (SELECT 1)', 'other rows'],
    ['count(*) OVER ()', 'other rows'],
    ['current_date', 'depends on the time'],
    ["at > 'now'", 'may mean the time'],
    ['$1', 'parameter'],
    ["'open", 'not SQL'],
  ])('%s is refused', async (text, why) => {
    await expect(dissect(text)).rejects.toThrow(NotUsable);
    await expect(dissect(text)).rejects.toThrow(why);
  });

  test('without such calls stays letter by letter what it is', async () => {
    const word = fc.constantFrom(
      'a',
      "'é -- x'",
      '"Ü"',
      '+',
      '(1)',
      '/* ) */',
      "E'\\\\'",
      '$q$ mask.hash( $q$',
      '||',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1 }), async (words) => {
        const text = words.join(' ');
        const { sql, keyed } = await expand(text, context);
        expect(keyed).toBe(false);
        expect(
          text.startsWith(sql) ||
            sql.trim() === text.replace(/^\/\* \) \*\/ |( \/\* \) \*\/)+$/g, '').trim() ||
            text.includes(sql),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test('names of columns look like secrets where a word of them does', () => {
  const secret = [
    'password',
    'api_key',
    'authToken',
    'client_secret',
    '_token',
    'snmp_community',
    'credentials',
  ];
  const harmless = [
    'secret_id',
    'key_file_path',
    'monkey',
    'is_key',
    'token_type',
    'secrets_group_id',
    'keyboard',
  ];
  expect(secret.filter((name) => !looksSecret(name))).toEqual([]);
  expect(harmless.filter(looksSecret)).toEqual([]);
});
