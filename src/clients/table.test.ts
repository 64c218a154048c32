import { expect, test } from 'vitest';
import { compareNames } from './table.ts';

test('names are sorted as docker 28.2.2 sorts them', () => {
  const sorted = ['', '2', '10', 'B', 'a', 'lab', 'lab2', 'lab2b', 'lab02', 'lab10', 'lab-1', 'web', 'ünder'];
  const shuffled = [...sorted].sort((a, b) => (a.at(-1) ?? '').localeCompare(b.at(-1) ?? ''));
  expect(shuffled).not.toEqual(sorted);
  expect(shuffled.sort(compareNames)).toEqual(sorted);
});
