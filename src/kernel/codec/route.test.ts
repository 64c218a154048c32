import { describe, expect, test } from 'vitest';
import { hex, recording } from '../../../test/helpers/netlink-recording.ts';
import { parseAddress, parsePrefix } from '../../model/address.ts';
import type { Route } from '../../model/netstate.ts';
import { decodeMessages, encodeMessage } from './message.ts';
import { decodeRoute, encodeAddRoute, encodeDumpRoutes, encodeRemoveRoute } from './route.ts';

const DEFAULT: Route = {
  ifname: 'eth0',
  destination: parsePrefix('0.0.0.0/0'),
  gateway: parseAddress('10.0.0.1'),
  source: undefined,
  metric: 0,
  protocol: 'vethd',
};
const ON_LINK: Route = { ...DEFAULT, destination: parsePrefix('10.9.0.0/16'), gateway: undefined };
const IPV6: Route = {
  ...DEFAULT,
  destination: parsePrefix('fd09::/48'),
  gateway: parseAddress('fd00::9'),
  source: parseAddress('fd00::1'),
  metric: 1024,
};

function routesOf(name: string) {
  return decodeMessages(recording(name)).map(decodeRoute);
}

describe('routes', () => {
  test('of IPv4, as iproute2 is told', () => {
    expect(routesOf('routes-ipv4')).toEqual([
      {
        ifindex: 2,
        destination: parsePrefix('10.0.0.0/24'),
        gateway: undefined,
        source: parseAddress('10.0.0.1'),
        metric: 0,
        protocol: 'kernel',
      },
      {
        ifindex: 2,
        destination: parsePrefix('10.9.0.0/16'),
        gateway: parseAddress('10.0.0.9'),
        source: parseAddress('10.0.0.1'),
        metric: 7,
        protocol: 'vethd',
      },
    ]);
  });

  test('of IPv6, as iproute2 is told', () => {
    expect(routesOf('routes-ipv6')).toMatchObject([
      { destination: parsePrefix('fd00::/64'), metric: 256, protocol: 'kernel' },
      { destination: parsePrefix('fd09::/48'), gateway: parseAddress('fd00::9'), protocol: 'other' },
    ]);
  });

  test.for([
    [
      'through a gateway',
      encodeAddRoute(DEFAULT, 2),
      '02 00 00 00 fe 76 00 01 00000000 0800 0500 0a000001 0800 0400 02000000',
    ],
    [
      'on the link',
      encodeAddRoute(ON_LINK, 2),
      '02 10 00 00 fe 76 fd 01 00000000 0800 0100 0a090000 0800 0400 02000000',
    ],
    [
      'as the kernel makes it with an address',
      encodeAddRoute({ ...ON_LINK, source: parseAddress('10.9.0.1'), protocol: 'kernel' }, 2),
      '02 10 00 00 fe 02 fd 01 00000000 0800 0100 0a090000 0800 0700 0a090001 0800 0400 02000000',
    ],
    [
      'removed, whatever its scope',
      encodeRemoveRoute(ON_LINK, 2),
      '02 10 00 00 fe 76 ff 01 00000000 0800 0100 0a090000 0800 0400 02000000',
    ],
    [
      'all of a link',
      encodeDumpRoutes(2),
      '00 00 00 00 00 00 00 00 00000000 0800 0f00 fe000000 0800 0400 02000000',
    ],
  ] as const)('%s, byte for byte', ([, { body }, bytes]) => {
    expect(Buffer.from(body)).toEqual(hex(bytes));
  });

  test.for([DEFAULT, ON_LINK, IPV6])('what is added is what is read', (route) => {
    const [message] = decodeMessages(encodeMessage(encodeAddRoute(route, 3), 7));
    const { ifname: _, ...rest } = route;
    expect(message && decodeRoute(message)).toEqual({ ...rest, ifindex: 3 });
  });

  test.for([
    ['another table', '02 10 00 00 64 76 fd 01 00000000 0800 0400 02000000'],
    ['a table beyond 255', '02 10 00 00 fc 76 fd 01 00000000 0800 0f00 e8030000 0800 0400 02000000'],
    ['the local table', '02 20 00 00 ff 02 fe 02 00000000 0800 0400 02000000'],
    ['an exception of the kernel', '0a 80 00 00 fe 02 00 01 00020000 0800 0400 02000000'],
    ['several next hops', '02 10 00 00 fe 76 00 01 00000000'],
    ['another family', '1c 10 00 00 fe 76 00 01 00000000 0800 0400 02000000'],
  ] as const)('%s is not looked at', ([, bytes]) => {
    const [message] = decodeMessages(encodeMessage({ type: 24, flags: 0, body: hex(bytes) }, 7));
    expect(message && decodeRoute(message)).toBeUndefined();
  });
});
