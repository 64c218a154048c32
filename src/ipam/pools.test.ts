import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { containsPrefix, formatPrefix, overlaps, type Prefix, parsePrefix } from '../model/address.ts';
import { choosePool, collides, DEFAULT_IPV4_POOLS, ulaPool } from './pools.ts';

function taken(...prefixes: readonly string[]): Prefix[] {
  return prefixes.map((text) => parsePrefix(text));
}

describe('choosePool', () => {
  test.each<[string, string[], string]>([
    ['the first', [], '172.17.0.0/16'],
    ['the next', ['172.17.0.0/16'], '172.18.0.0/16'],
    ['the lowest free one', ['172.17.0.0/16', '172.19.0.0/16'], '172.18.0.0/16'],
    ['a piece of a pool', ['172.16.0.0/14'], '172.20.0.0/16'],
    ['past a small one in the middle', ['172.17.0.0/16', '172.18.5.0/30'], '172.19.0.0/16'],
    ['past large and small, nested', ['172.16.0.0/12', '172.20.3.0/24'], '192.168.0.0/20'],
    ['past one that ends within a piece', ['172.16.0.0/12', '192.168.1.0/24'], '192.168.16.0/20'],
    ['our own range at last', ['172.16.0.0/12', '192.168.0.0/16'], '10.64.0.0/24'],
    ['whatever a VPN covers by halves', ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1'], '172.17.0.0/16'],
    ['whatever IPv6 has', ['fd00::/8'], '172.17.0.0/16'],
  ])('%s', (_what, prefixes, expected) => {
    expect(formatPrefix(choosePool(DEFAULT_IPV4_POOLS, undefined, taken(...prefixes)))).toBe(expected);
  });

  test.each([
    [8, '', '10.0.0.0/8'],
    [24, '172.17.0.0/24', '172.17.1.0/24'],
    [30, '172.17.0.0/30', '172.17.0.4/30'],
    [15, '', '172.20.0.0/15'],
    [32, '172.17.0.0/31', '172.17.0.2/32'],
  ])('of /%d', (length, used, expected) => {
    const pools = [...DEFAULT_IPV4_POOLS, { base: parsePrefix('10.0.0.0/8'), size: 8 }];
    expect(formatPrefix(choosePool(pools, length, used === '' ? [] : taken(used)))).toBe(expected);
  });

  test('a /8 in /30s, all but the last one in use', () => {
    const pools = [{ base: parsePrefix('10.0.0.0/8'), size: 30 }];
    const used = taken(...Array.from({ length: 23 }, (_, index) => lastOfHalf(index)));
    expect(formatPrefix(choosePool(pools, undefined, used))).toBe('10.255.255.252/30');
  });

  /** 10.0.0.0/9, 10.128.0.0/10, 10.192.0.0/11 … the halves that leave only the end free. */
  function lastOfHalf(index: number): string {
    const length = 9 + index;
    if (length > 30) return '10.255.255.248/30';
    const free = 1n << BigInt(32 - length);
    const value = 0x0b000000n - 2n * free;
    return formatPrefix({ address: { family: 'ipv4', value }, length });
  }

  test('1,000 networks on defaults', () => {
    const used: Prefix[] = [];
    for (let count = 0; count < 1000; count++) {
      const prefix = choosePool(DEFAULT_IPV4_POOLS, undefined, used);
      expect(used.some((other) => collides(prefix, other))).toBe(false);
      used.push(prefix);
    }
  });

  test('none left', () => {
    const used = taken('172.16.0.0/12', '192.168.0.0/16', '10.0.0.0/8');
    for (const [length, prefixes] of [
      [undefined, used],
      [7, []],
      [0, []],
    ] as const) {
      expect(() => choosePool(DEFAULT_IPV4_POOLS, length, prefixes)).toThrow(
        expect.objectContaining({
          kind: 'invalidArgument',
          message: 'all predefined address pools have been fully subnetted',
        }),
      );
    }
  });

  test('is what trying every piece in order would find', () => {
    const base = parsePrefix('10.0.0.0/24');
    const prefixIn = fc
      .record({ offset: fc.nat(511), length: fc.integer({ min: 22, max: 32 }) })
      .map(({ offset, length }): Prefix => {
        const shift = BigInt(32 - length);
        const value = ((0x0a000000n - 128n + BigInt(offset)) >> shift) << shift;
        return { address: { family: 'ipv4', value }, length };
      });
    fc.assert(
      fc.property(fc.array(prefixIn, { maxLength: 12 }), fc.integer({ min: 24, max: 30 }), (used, size) => {
        const step = 1n << BigInt(32 - size);
        const pieces = Array.from({ length: 2 ** (size - 24) }, (_, index): Prefix => {
          return {
            address: { family: 'ipv4', value: base.address.value + BigInt(index) * step },
            length: size,
          };
        });
        const expected = pieces.find((piece) => !used.some((other) => overlaps(piece, other)));
        const choose = () => choosePool([{ base, size }], undefined, used);
        if (expected === undefined) expect(choose).toThrow();
        else expect(choose()).toEqual(expected);
      }),
    );
  });
});

describe('ulaPool', () => {
  test('is a /48 of fd00::/8 made of the first 40 bits', () => {
    const pool = ulaPool('0123456789abcdef');
    expect(formatPrefix(pool.base)).toBe('fd01:2345:6789::/48');
    expect(containsPrefix(parsePrefix('fd00::/8'), pool.base)).toBe(true);
    const first = choosePool([pool], undefined, []);
    expect(formatPrefix(first)).toBe('fd01:2345:6789::/64');
    const next = choosePool([pool], undefined, [first]);
    expect(formatPrefix(next)).toBe('fd01:2345:6789:1::/64');
  });
});

test.each([
  ['10.8.3.0/24', '10.8.0.0/16', true],
  ['10.8.0.0/16', '10.8.3.0/24', true],
  ['10.9.3.0/24', '10.8.0.0/16', false],
  ['10.9.3.0/24', '0.0.0.0/1', false],
  ['fd00::/64', '2000::/3', false],
])('whether %s collides with a route to %s: %s', (prefix, route, expected) => {
  expect(collides(parsePrefix(prefix), parsePrefix(route))).toBe(expected);
});
