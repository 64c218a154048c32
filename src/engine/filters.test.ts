import { expect, test } from 'vitest';
import { matchNames } from './filters.ts';

const NAMES = ['lab', 'lab2', 'my-lab', 'my.lab', 'front end'];

test.each<[string, string[]]>([
  ['lab', ['lab', 'lab2', 'my-lab', 'my.lab']],
  ['^lab$', ['lab']],
  ['^lab', ['lab', 'lab2']],
  ['lab$', ['lab', 'my-lab', 'my.lab']],
  ['', NAMES],
  ['^', NAMES],
  ['$', NAMES],
  ['^$', []],
  ['t e', ['front end']],
  ['my.lab', ['my-lab', 'my.lab']],
  ['^my\\.lab$', ['my.lab']],
  ['^(lab2|front end)$', ['lab2', 'front end']],
  ['[', []],
  ['(', []],
  ['lab'.padEnd(200, '.?'), []],
])('%s', (pattern, expected) => {
  const matched = matchNames(pattern, NAMES);
  expect(NAMES.filter((_, index) => matched[index])).toEqual(expected);
});

test('an expression that would hold the daemon is refused', () => {
  expect(() => matchNames('^(a+)+$', [`${'a'.repeat(60)}!`])).toThrow(
    'the pattern ^(a+)+$ takes too long to match: make it simpler',
  );
});
