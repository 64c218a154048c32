import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { bitsOf, type Family, formatPrefix, parsePrefix } from '../../model/address.ts';
import { decodeAddress, encodeAddAddress, encodeDumpAddresses, encodeRemoveAddress } from './address.ts';
import { decodeMessages, encodeMessage } from './message.ts';

describe('addresses', () => {
  test.for([
    ['address-ipv4', '10.0.0.1/24'],
    ['address-ipv6', 'fd00::1/64'],
  ] as const)('%s as iproute2 is told', ([name, text]) => {
    const [message] = decodeMessages(recording(name));
    const found = message === undefined ? undefined : decodeAddress(message);
    expect(found).toMatchObject({ ifindex: 2, ours: false });
    expect(found === undefined ? '' : formatPrefix(found.prefix)).toBe(text);
  });

  test('IPv4 is added with its broadcast address, marked as ours', () => {
    const { type, flags, body } = encodeAddAddress(2, parsePrefix('10.0.7.1/24'));
    expect([type, flags]).toEqual([20, 0x604]);
    expect(Buffer.from(body)).toEqual(
      hex(
        '02 18 00 00 02000000 0800 0200 0a000701 0800 0100 0a000701',
        '0500 0b00 76000000 0800 0400 0a0007ff',
      ),
    );
  });

  test.for(['10.0.7.1/31', '10.0.7.1/32'])('%s has no broadcast address', (text) => {
    expect(Buffer.from(encodeAddAddress(2, parsePrefix(text)).body).length).toBe(32);
  });

  test('IPv6 is added without duplicate address detection', () => {
    const { body } = encodeAddAddress(2, parsePrefix('fd00::1/64'));
    const address = 'fd000000000000000000000000000001';
    expect(Buffer.from(body)).toEqual(
      hex(
        `0a 40 00 00 02000000 1400 0200 ${address} 1400 0100 ${address}`,
        '0500 0b00 76000000 0800 0800 02000000',
      ),
    );
  });

  test('removal names the address alone', () => {
    const { type, body } = encodeRemoveAddress(2, parsePrefix('10.0.7.1/24'));
    expect(type).toBe(21);
    expect(Buffer.from(body)).toEqual(hex('02 18 00 00 02000000 0800 0200 0a000701 0800 0100 0a000701'));
  });

  test('a dump of one link', () => {
    expect(Buffer.from(encodeDumpAddresses(2).body)).toEqual(hex('00 00 00 00 02000000'));
  });

  test('the far side of a point-to-point link is not the address', () => {
    const body = hex('02 20 00 00 02000000 0800 0100 0a000002 0800 0200 0a000001');
    const [message] = decodeMessages(encodeMessage({ type: 20, flags: 0, body }, 7));
    const found = message === undefined ? undefined : decodeAddress(message);
    expect(found?.prefix).toEqual(parsePrefix('10.0.0.1/32'));
  });

  test('what is added is what is read', () => {
    const prefixes = fc.constantFrom<Family>('ipv4', 'ipv6').chain((family) =>
      fc.record({
        address: fc.record({
          family: fc.constant(family),
          value: fc.bigInt({ min: 0n, max: (1n << BigInt(bitsOf(family))) - 1n }),
        }),
        length: fc.integer({ min: 0, max: bitsOf(family) }),
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fffffff }), prefixes, (ifindex, prefix) => {
        const [message] = decodeMessages(encodeMessage(encodeAddAddress(ifindex, prefix), 7));
        expect(message && decodeAddress(message)).toEqual({ ifindex, prefix, ours: true });
      }),
    );
  });
});
