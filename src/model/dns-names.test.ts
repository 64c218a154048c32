import { expect, test } from 'vitest';
import { dnsNamesOf, foldName } from './dns-names.ts';

const id = '0123456789ab'.padEnd(64, 'f');

test('name, aliases, short id and hostname, in that order', () => {
  const container = { id, name: 'web1', config: { Hostname: 'www' } };
  expect(dnsNamesOf(container, { aliases: ['web', 'front'] })).toEqual([
    'web1',
    'web',
    'front',
    '0123456789ab',
    'www',
  ]);
});

test('repeats, an empty hostname and one that is no text are left out', () => {
  expect(dnsNamesOf({ id, name: 'a', config: { Hostname: '' } }, { aliases: ['a', 'b', 'b'] })).toEqual([
    'a',
    'b',
    '0123456789ab',
  ]);
  expect(dnsNamesOf({ id, name: 'a', config: { Hostname: 7 } }, { aliases: [] })).toEqual([
    'a',
    '0123456789ab',
  ]);
});

test('folding touches ASCII letters only', () => {
  // U+212A, the Kelvin sign, is `k` to toLowerCase.
  expect(foldName('Web-Ä\u212a')).toBe('web-Ä\u212a');
});
