import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { parseAddress } from '../../model/address.ts';
import { decodeFlow, encodeDropFlow, encodeListFlows, isOfProtocol, type TrackedFlow } from './conntrack.ts';
import { decodeMessages, encodeMessage, type NetlinkMessage } from './message.ts';

const FLOW: TrackedFlow = {
  source: parseAddress('198.51.100.2'),
  destination: parseAddress('198.51.100.1'),
  protocolNumber: 17,
  sourcePort: 33523,
  destinationPort: 8011,
  answered: true,
  translated: true,
  id: Uint8Array.of(1, 2, 3, 4),
  zone: undefined,
};

function only(datagram: Buffer): NetlinkMessage {
  const [message] = decodeMessages(datagram);
  if (message === undefined) throw new Error('an empty datagram');
  return message;
}

/** The entry as the kernel would list it: what a drop names, and its status. */
function listed(flow: TrackedFlow, status: number): Buffer {
  const { type, body } = encodeDropFlow(flow);
  const statusAttribute = Buffer.from([8, 0, 3, 0, 0, 0, 0, status]);
  return encodeMessage({ type, flags: 0, body: Buffer.concat([body, statusAttribute]) }, 1);
}

describe('a tracked connection', () => {
  test.for([
    ['translated and answered', FLOW, 0x22],
    ['neither', { ...FLOW, answered: false, translated: false }, 0],
    [
      'of IPv6, in a zone',
      {
        ...FLOW,
        source: parseAddress('2001:db8::2'),
        destination: parseAddress('2001:db8::1'),
        zone: Uint8Array.of(0, 7),
      },
      0x22,
    ],
  ] as const)('%s', ([, flow, status]) => {
    expect(decodeFlow(only(listed(flow, status)))).toEqual(flow);
  });

  test.for([
    [
      'flow-ipv4',
      {
        source: parseAddress('10.9.0.2'),
        destination: parseAddress('10.9.0.1'),
        sourcePort: 40000,
        destinationPort: 8011,
        answered: true,
        translated: true,
        id: Uint8Array.of(0xc6, 0x46, 0x87, 0x9b),
      },
    ],
    [
      'flow-ipv6',
      {
        source: parseAddress('fd00:9::2'),
        destination: parseAddress('fd00:9::1'),
        sourcePort: 40001,
        destinationPort: 9001,
        answered: false,
        translated: false,
        id: Uint8Array.of(0x86, 0x82, 0x74, 0x01),
      },
    ],
  ] as const)('%s, as the kernel listed it', ([name, flow]) => {
    expect(decodeFlow(only(recording(name)))).toEqual({ ...flow, protocolNumber: 17, zone: undefined });
  });

  test('is of its protocol', () => {
    expect([isOfProtocol(FLOW, 'udp'), isOfProtocol(FLOW, 'tcp')]).toEqual([true, false]);
  });

  test('without ports is left out', () => {
    const icmp = hex(
      '38000000 0001 0000 00000000 00000000 02000000',
      '24000180 14000180 08000100 c6336402 08000200 c6336401 0c000280 05000100 01000000',
    );
    expect(decodeFlow(only(icmp))).toBeUndefined();
  });

  test('cut off at any byte throws', () => {
    const datagram = listed(FLOW, 0);
    for (let length = 1; length < datagram.length; length++) {
      expect(() => decodeFlow(only(datagram.subarray(0, length)))).toThrow();
    }
  });
});

test('a list is filtered by protocol and port, in a nested attribute that says so', () => {
  const { body } = encodeListFlows({ family: 'ipv4', protocol: 'udp', port: 53 });
  expect(Buffer.from(body)).toEqual(
    hex('02000000', '18000100 14000200 05000100 11000000 06000300 00350000', '0c001980 08000100 28000000'),
  );
});
