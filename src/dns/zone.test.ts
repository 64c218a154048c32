import { describe, expect, test } from 'vitest';
import { type FakeMember, fakeSource } from '../../test/helpers/zone-source.ts';
import { formatAddress, parseAddress } from '../model/address.ts';
import { zoneOf } from './zone.ts';

const members: FakeMember[] = [
  { network: 'front', container: 'web1', names: ['web1', 'web', 'Www'], ipv4: '10.0.0.2' },
  { network: 'front', container: 'web2', names: ['web2', 'web'], ipv4: '10.0.0.3' },
  { network: 'back', container: 'web1', names: ['web1'], ipv4: '10.1.0.2', ipv6: 'fd01::2' },
  { network: 'back', container: 'db', names: ['db', 'web', 'a.b'], ipv4: '10.1.0.3', ipv6: 'fd01::3' },
  { network: 'other', container: 'stranger', names: ['stranger', 'web'], ipv4: '10.2.0.2' },
  { network: 'bridge', container: 'web1', names: ['web1'], ipv4: '172.17.0.2' },
  { network: 'bridge', container: 'plain', names: ['plain'], ipv4: '172.17.0.3' },
  { network: 'net.dot', container: 'web1', names: ['web1'], ipv4: '10.3.0.2' },
  { network: 'net.dot', container: 'dotty', names: ['dotty'], ipv4: '10.3.0.3' },
  { network: 'dot', container: 'web1', names: ['web1'], ipv4: '10.4.0.2' },
  { network: 'dot', container: 'short', names: ['dotty.net'], ipv4: '10.4.0.3' },
];
const networks = {
  front: { names: true, internal: false },
  back: { names: true, internal: true },
  other: { names: true, internal: false },
  bridge: { names: false, internal: false },
  'net.dot': { names: true, internal: true },
  dot: { names: true, internal: true },
};
const source = fakeSource(networks, members);

function resolve(asker: string, name: string, family: 'ipv4' | 'ipv6' = 'ipv4'): string[] | undefined {
  return zoneOf(source, asker).resolve(name, family)?.map(formatAddress);
}

describe('resolve', () => {
  test.each([
    ['a name', 'web2', ['10.0.0.3']],
    ['its own name', 'web1', ['10.0.0.2']],
    ['an alias of several', 'web', ['10.0.0.2', '10.0.0.3']],
    ['in any case, both ways', 'wWW', ['10.0.0.2']],
    ['with a trailing dot', 'db.', ['10.1.0.3']],
    ['name.network', 'web1.back', ['10.1.0.2']],
    ['name.network in any case', 'DB.Back', ['10.1.0.3']],
    ['an alias with a dot', 'a.b', ['10.1.0.3']],
    ['an alias with a dot and its network', 'a.b.back', ['10.1.0.3']],
    ['a network with a dot: the short one first', 'dotty.net.dot', ['10.4.0.3']],
    ['a member of a network that the asker is not on', 'stranger', undefined],
    ['the same by network', 'stranger.other', undefined],
    ['a member of a network without names', 'plain', undefined],
    ['the same by network without names', 'plain.bridge', undefined],
    ['a network alone', 'front', undefined],
    ['a dot and a network', '.front', undefined],
    ['nothing', '', undefined],
    ['the root', '.', undefined],
  ])('%s', (_case, name, expected) => {
    expect(resolve('web1', name)).toEqual(expected);
  });

  test('a family that the first network lacks comes from the next that shares the container', () => {
    expect(resolve('web1', 'web1', 'ipv6')).toEqual(['fd01::2']);
  });

  test('but never from another container of that name there', () => {
    expect(resolve('web1', 'web', 'ipv6')).toEqual([]);
    expect(resolve('db', 'web', 'ipv6')).toEqual(['fd01::3']);
  });

  test('known without an address of the family is not unknown', () => {
    expect(resolve('web2', 'web1', 'ipv6')).toEqual([]);
  });

  test('a container that does not run knows nothing', () => {
    expect(resolve('nobody', 'web1')).toBeUndefined();
  });
});

describe('reverse', () => {
  test.each([
    ['a member', '10.0.0.3', 'web2.front'],
    ['itself on another network', 'fd01::2', 'web1.back'],
    ['a stranger', '10.2.0.2', undefined],
    ['a network without names', '172.17.0.3', undefined],
  ])('%s', (_case, address, expected) => {
    expect(zoneOf(source, 'web1').reverse(parseAddress(address))).toBe(expected);
  });
});

describe('forwards', () => {
  test.each([
    ['one network that is not internal is enough', 'web1', true],
    ['a network without names counts', 'plain', true],
    ['internal networks alone', 'db', false],
    ['no network', 'nobody', false],
  ])('%s', (_case, asker, expected) => {
    expect(zoneOf(source, asker).forwards).toBe(expected);
  });
});
