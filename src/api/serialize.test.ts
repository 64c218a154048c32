import { expect, test } from 'vitest';
import { serialize, toCount } from './serialize.ts';

test.each([
  [0n, '0'],
  [2n ** 53n - 1n, '9007199254740991'],
  [2n ** 53n, '9007199254740992'],
  [2n ** 53n + 1n, '9007199254740993'],
  [2n ** 64n - 2n, '18446744073709551614'],
  [2n ** 64n - 1n, '18446744073709551615'],
  [2n ** 80n, '18446744073709551615'],
])('%d is told to the last digit', (count, expected) => {
  const text = serialize({ counts: [toCount(count), toCount(count)], text: '1' });
  expect(text).toBe(`{"counts":[${expected},${expected}],"text":"1"}`);
});

test('texts stay texts', () => {
  const answer = {
    Labels: { a: '18446744073709551615', b: '<&>', c: '"1"' },
    Options: null,
    Gone: undefined,
  };
  expect(JSON.parse(serialize(answer))).toEqual({ Labels: answer.Labels, Options: null });
  expect(serialize(answer)).toContain('<&>');
});
