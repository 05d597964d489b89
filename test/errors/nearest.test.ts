import { expect, test } from 'vitest';
import { nearest } from '../../functions/errors/nearest.ts';

const verbs = ['backup', 'restore', 'replicate', 'list', 'show', 'verify', 'export', 'allow-target'];

test.each([
  ['bakcup', 'backup'],
  ['backups', 'backup'],
  ['lits', 'list'],
  ['allow', 'allow-target'],
  ['veryfi', 'verify'],
  ['rep', 'replicate'],
])('takes %s for %s', (word, meant) => {
  expect(nearest(word, verbs)).toBe(meant);
});

test.each(['', 'x', 'frobnicate', '--source'])('does not guess what %j is', (word) => {
  expect(nearest(word, verbs)).toBeUndefined();
});
