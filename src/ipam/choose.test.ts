import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress, parseMac, parsePrefix } from '../model/address.ts';
import { chooseGateway, chooseIfname, macOf } from './choose.ts';

describe('chooseGateway', () => {
  test.each<[string, string, string[], string | undefined]>([
    ['10.0.0.0/24', '', [], '10.0.0.1'],
    ['10.0.0.0/24', '', ['10.0.0.1', '10.0.0.2'], '10.0.0.3'],
    ['10.0.0.0/24', '10.0.0.128/25', [], '10.0.0.128'],
    ['10.0.0.0/24', '10.0.0.0/25', [], '10.0.0.1'],
    ['10.0.0.0/31', '', [], '10.0.0.0'],
    ['10.0.0.0/32', '', [], '10.0.0.0'],
    ['10.0.0.0/32', '', ['10.0.0.0'], undefined],
    ['10.0.0.0/30', '10.0.0.3/32', [], undefined],
    ['fd00::/64', '', [], 'fd00::1'],
    ['fd00::/127', '', [], 'fd00::1'],
    ['fd00::/128', '', [], undefined],
  ])('of %s, range %s, without %j', (subnet, range, aux, expected) => {
    const gateway = chooseGateway(
      parsePrefix(subnet),
      range === '' ? undefined : parsePrefix(range),
      aux.map(parseAddress),
    );
    expect(gateway && formatAddress(gateway)).toBe(expected);
  });
});

test('macOf: from the IPv4 address, else from the id', () => {
  const id = `${'ab'.repeat(27)}0123456789`;
  expect(macOf(parseAddress('172.17.0.2'), id)).toBe('02:42:ac:11:00:02');
  expect(macOf(undefined, id)).toBe('02:01:23:45:67:89');
  expect(parseMac(macOf(undefined, id))).toBe(macOf(undefined, id));
});

test('chooseIfname: the lowest number that is free', () => {
  expect(chooseIfname('eth', new Set())).toBe('eth0');
  expect(chooseIfname('eth', new Set(['eth0', 'eth2', 'lo']))).toBe('eth1');
  expect(() => chooseIfname('abcdefghijklmno', new Set())).toThrow('no interface name');
});
