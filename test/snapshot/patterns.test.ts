import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BadPattern, PatternMatchesNothing } from '../../functions/snapshot/errors.ts';
import { exactPattern, matches, matchPatterns, readPattern } from '../../functions/snapshot/patterns.ts';

const relations = [
  { schema: 'public', name: 'extras_objectchange' },
  { schema: 'public', name: 'extras_tag' },
  { schema: 'public', name: 'Mixed' },
  { schema: 'public', name: 'with.dot' },
  { schema: 'public', name: 'with"quote' },
  { schema: 'public', name: 'a$b' },
  { schema: 'public', name: 'arr[]' },
  { schema: 'audit', name: 'extras_tag', visible: false },
  { schema: 'Audit.Old', name: 'log', visible: false },
];

const found = (...patterns: string[]) =>
  matchPatterns(patterns, relations, '--exclude-table').map(({ schema, name }) => `${schema}.${name}`);

test.each([
  ['extras_objectchange', ['public.extras_objectchange']],
  ['EXTRAS_TAG', ['public.extras_tag']],
  ['extras_*', ['public.extras_objectchange', 'public.extras_tag']],
  ['*.extras_tag', ['public.extras_tag', 'audit.extras_tag']],
  ['audit.*', ['audit.extras_tag']],
  ['extras_ta?', ['public.extras_tag']],
  ['extras_(tag|objectchange)', ['public.extras_objectchange', 'public.extras_tag']],
  ['extras_[s-u]ag', ['public.extras_tag']],
  ['extras_[[:alpha:]]+', ['public.extras_objectchange', 'public.extras_tag']],
  ['"Mixed"', ['public.Mixed']],
  ['"with.dot"', ['public.with.dot']],
  ['"with""quote"', ['public.with"quote']],
  ['a$b', ['public.a$b']],
  ['arr[]', ['public.arr[]']],
  ['"Audit.Old".*', ['Audit.Old.log']],
  ['public."M"*', ['public.Mixed']],
])('the pattern %s means %j', (pattern, expected) => {
  expect(found(pattern)).toEqual(expected);
});

test.each(['Mixed', 'extras_', 'xextras_tag', '"extras_*"', 'log', 'audit.extras', 'with.dot'])(
  'the pattern %s matches nothing, and the message names option and pattern',
  (pattern) => {
    expect(() => found(pattern)).toThrow(PatternMatchesNothing);
    expect(() => found(pattern)).toThrow(`--exclude-table "${pattern}"`);
  },
);

test('a pattern with a typing error is answered with names close to it', () => {
  expect(() => found('extras_objectchnage')).toThrow('is it extras_objectchange?');
  expect(() => found('objectchange')).toThrow('is it extras_objectchange?');
  expect(() => found('nothing_like_it')).toThrow(/matches no table$/);
});

test('a table that is not on the search path is named with its schema', () => {
  expect(() => found('log')).toThrow('is it Audit.Old.log?');
});

test.each(['a.b.c.d', '', 'schema.', '"open', 'other.public.extras_tag', 'bad[', 'x{2'])(
  'the pattern %j is refused as unreadable or matches nothing, never understood as something else',
  (pattern) => {
    expect(() => found(pattern)).toThrow(
      expect.toSatisfy((error) => error instanceof BadPattern || error instanceof PatternMatchesNothing),
    );
  },
);

test('a name of three parts must name the database itself', () => {
  const relation = { schema: 'public', name: 'extras_tag' };
  expect(matches(readPattern('nautobot.public.extras_tag', 'nautobot'), relation)).toBe(true);
  expect(() => readPattern('other.public.extras_tag', 'nautobot')).toThrow(BadPattern);
});

const anyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });

test('a quoted name means exactly that table, whatever characters it has', () => {
  fc.assert(
    fc.property(anyName, anyName, anyName, (schema, name, other) => {
      const pattern = readPattern(exactPattern(schema, name));
      expect(matches(pattern, { schema, name })).toBe(true);
      expect(matches(pattern, { schema, name: other })).toBe(other === name);
      expect(matches(pattern, { schema: other, name })).toBe(other === schema);
    }),
  );
});

test('* and ? stand for any characters of a name', () => {
  const plain = fc.stringMatching(/^[a-z_0-9]{1,8}$/);
  fc.assert(
    fc.property(plain, plain, plain, (start, middle, end) => {
      const name = `${start}${middle}${end}`;
      expect(matches(readPattern(`${start}*${end}`), { schema: 'public', name })).toBe(true);
      expect(matches(readPattern('?'.repeat(name.length)), { schema: 'public', name })).toBe(true);
      expect(matches(readPattern('?'.repeat(name.length + 1)), { schema: 'public', name })).toBe(false);
    }),
  );
});

test('whatever is typed is either understood or refused as a pattern', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), (text) => {
      try {
        matchPatterns([text], relations, '--exclude-table');
      } catch (error) {
        expect(error instanceof BadPattern || error instanceof PatternMatchesNothing).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});
