import { describe, expect, test } from 'vitest';
import { checkContainerName, checkIfname, checkNetnsName, checkNetworkName } from './names.ts';

const cases: readonly {
  readonly check: (name: string) => void;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}[] = [
  {
    check: checkIfname,
    good: ['eth0', 'br-0123456789ab', 'a', 'eth0.100', 'UP_1'],
    bad: [
      '',
      '.',
      '..',
      'lo',
      'all',
      'default',
      'a'.repeat(16),
      '-a',
      'a b',
      'a/b',
      'a:b',
      'a%d',
      'a\n',
      'é',
    ],
  },
  {
    check: checkNetworkName,
    good: ['lab', '-lead', 'sp ace', 'ünicode', 'x'.repeat(300), 'container:x', '%41'],
    bad: ['', ' ', '\t', 'p/x', 'a\0', 'a\nb', '\u0085', 'x'.repeat(1025), '\u{1f4a9}'.repeat(257)],
  },
  {
    check: checkContainerName,
    good: ['web1', 'a.b-c_d', '0x', 'a'.repeat(128)],
    bad: ['', 'a', '/web', '-a', '.a', 'a b', 'a/b', 'a'.repeat(129), 'é1', 'a\n'],
  },
  {
    check: checkNetnsName,
    good: ['a', 'web1', 'a..b', 'a'.repeat(128)],
    bad: ['', '.', '..', '.a', '-n', 'a/b', '../../proc/1/ns/net', '/x', 'a\0', 'a'.repeat(129), 'a\n'],
  },
];

describe.each(cases)('$check.name', ({ check, good, bad }) => {
  test.each(good)('takes %j', (name) => expect(() => check(name)).not.toThrow());
  test.each(bad)('refuses %j', (name) => {
    expect(() => check(name)).toThrow(expect.objectContaining({ kind: 'invalidArgument' }));
  });
});

test("Docker's words", () => {
  expect(() => checkNetworkName(' ')).toThrow('invalid name: name is empty');
  expect(() => checkContainerName('a b')).toThrow(
    'Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
  );
});
