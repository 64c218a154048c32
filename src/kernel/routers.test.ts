import { expect, test } from 'vitest';
import { parseHeardRouters } from './routers.ts';

/** /proc/net/ipv6_route of a host with an advertised default route, one of its own and a connected one. */
const TABLE = `\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe80000000000000000000000000000a 00000400 00000001 00000000 00450003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe80000000000000000000000000000b 00000400 00000001 00000000 00000003     eth1
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00040001     eth2
`;

test('interfaces of default routes that advertisements made', () => {
  expect(parseHeardRouters(TABLE)).toEqual(['eth0']);
  expect(parseHeardRouters(TABLE + TABLE.replaceAll('eth0', 'e"0'))).toEqual(['eth0']);
  expect(parseHeardRouters('')).toEqual([]);
});
