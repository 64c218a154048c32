import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Address,
  addressFromBytes,
  addressToBytes,
  compareAddresses,
  containsAddress,
  containsPrefix,
  firstAddress,
  formatAddress,
  formatPrefix,
  isLinkLocal,
  lastAddress,
  macFromBytes,
  macToBytes,
  networkOf,
  overlaps,
  type Prefix,
  parseAddress,
  parseMac,
  parsePrefix,
  sizeOf,
  tryParseAddress,
  tryParsePrefix,
} from './address.ts';

const addresses = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }).map((value): Address => ({ family: 'ipv4', value })),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }).map((value): Address => ({ family: 'ipv6', value })),
  // Runs of zeros, for the `::` of IPv6.
  fc.array(fc.constantFrom(0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 }).map((groups): Address => {
    return { family: 'ipv6', value: groups.reduce<bigint>((value, group) => (value << 16n) | group, 0n) };
  }),
);

const prefixes = addresses.chain((address) =>
  fc
    .integer({ min: 0, max: address.family === 'ipv4' ? 32 : 128 })
    .map((length): Prefix => ({ address, length })),
);

describe('addresses', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:1::', 'fd00:0:0:1::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is %s', (text, canonical) => expect(formatAddress(parseAddress(text))).toBe(canonical));

  test.each([
    ...['', ' ', '1', '1.2.3', '1.2.3.4.5', '256.0.0.1', '010.0.0.0', '1.2.3.04', '1.2.3.4 ', ' 1.2.3.4'],
    ...['0x1.2.3.4', '١.٢.٣.٤', '1.2.3.4\n', '1.2.3.-4', '1..2.3', '127.1'],
    ...[':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::12345', '::g'],
    ...['fe80::1%eth0', '[::1]', '::1.2.3', '1.2.3.4::', '::1.2.3.4:5', ':1:2:3:4:5:6:7', '::1\0'],
  ])('%j is no address', (text) => {
    expect(tryParseAddress(text)).toBeUndefined();
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ kind: 'invalidArgument' }));
  });

  test('text and back', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });

  test('bytes and back', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(addressFromBytes(addressToBytes(address))).toEqual(address);
      }),
    );
    expect(() => addressFromBytes(new Uint8Array(5))).toThrow();
  });

  test('what is taken, Node takes too', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.'), maxLength: 20 });
    fc.assert(
      fc.property(text, (candidate) => {
        const version = { ipv4: 4, ipv6: 6 };
        const address = tryParseAddress(candidate);
        expect(address === undefined ? 0 : version[address.family]).toBe(isIP(candidate));
      }),
      { numRuns: 2000 },
    );
  });

  test('order', () => {
    const sorted = ['0.0.0.1', '10.0.0.9', '10.0.0.10', '::', 'fd00::1'];
    expect([...sorted].reverse().map(parseAddress).sort(compareAddresses).map(formatAddress)).toEqual(sorted);
  });

  test.each([
    ['169.254.0.1', true],
    ['169.253.255.255', false],
    ['fe80::1', true],
    ['febf::1', true],
    ['fec0::1', false],
  ])('%s is link-local: %s', (text, expected) => expect(isLinkLocal(parseAddress(text))).toBe(expected));
});

describe('prefixes', () => {
  test.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    '/24',
    'a/b/c',
    '10.0.0.0/ 8',
  ])('%j is no prefix', (text) => {
    expect(tryParsePrefix(text)).toBeUndefined();
    expect(() => parsePrefix(text)).toThrow(text);
  });

  test('text and back', () => {
    fc.assert(
      fc.property(prefixes, (prefix) => {
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
      }),
    );
  });

  test('first and last are its own, their neighbours are not', () => {
    fc.assert(
      fc.property(prefixes, (prefix) => {
        const { family } = prefix.address;
        const [first, last] = [firstAddress(prefix), lastAddress(prefix)];
        expect(last.value - first.value + 1n).toBe(sizeOf(prefix));
        expect([first, last, prefix.address].every((address) => containsAddress(prefix, address))).toBe(true);
        expect(containsAddress(prefix, { family, value: last.value + 1n })).toBe(false);
        expect(first.value > 0n && containsAddress(prefix, { family, value: first.value - 1n })).toBe(false);
      }),
    );
  });

  test('overlap is the overlap of their ranges', () => {
    const near = fc.tuple(fc.nat(255), fc.integer({ min: 22, max: 32 })).map(([low, length]): Prefix => {
      return networkOf({ address: { family: 'ipv4', value: 0x0a000000n + BigInt(low) }, length });
    });
    fc.assert(
      fc.property(near, near, (a, b) => {
        const shared =
          firstAddress(a).value <= lastAddress(b).value && firstAddress(b).value <= lastAddress(a).value;
        expect(overlaps(a, b)).toBe(shared);
        expect(containsPrefix(a, b)).toBe(shared && a.length <= b.length);
      }),
    );
  });

  test('families never meet', () => {
    expect(overlaps(parsePrefix('0.0.0.0/0'), parsePrefix('::/0'))).toBe(false);
  });
});

describe('MAC addresses', () => {
  test.each([
    ['02:42:0A:00:00:02', '02:42:0a:00:00:02'],
    ['02-42-0a-00-00-02', '02:42:0a:00:00:02'],
  ])('%s is %s', (text, mac) => {
    expect(parseMac(text)).toBe(mac);
    expect(macFromBytes(macToBytes(mac))).toBe(mac);
  });

  test.each([
    '',
    '02:42:0a:00:00',
    '02:42:0a:00:00:02:03',
    '0242.0a00.0002',
    '02:42:0a:00:00:0g',
    '2:42:a:0:0:2',
  ])('%j is none', (text) => expect(() => parseMac(text)).toThrow('invalid MAC address'));

  test.each([
    ['00:00:00:00:00:00', 'zero'],
    ['01:00:5e:00:00:01', 'multicast'],
    ['ff:ff:ff:ff:ff:ff', 'multicast'],
  ])('%s is refused: %s', (text, reason) => expect(() => parseMac(text)).toThrow(reason));
});
