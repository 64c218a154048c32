import { expect, test } from 'vitest';
import { formatPrefix } from '../model/address.ts';
import { parseRouteTable } from './host-routes.ts';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n';

function routes(...lines: string[]): string[] {
  const table = HEAD + lines.map((line) => `${line}\t0\t0\t0      \n`).join('');
  return parseRouteTable(table).map(({ destination, ifname }) => `${formatPrefix(destination)} ${ifname}`);
}

test('routes without a gateway, of every length', () => {
  expect(
    routes(
      'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF',
      'ppp0\t0100A8C0\t00000000\t0005\t0\t0\t0\tFFFFFFFF',
      'wg0\t0000000A\t00000000\t0001\t0\t0\t50\t000000FF',
      'ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000',
      'br0\t00FE10AC\t00000000\t0001\t0\t0\t0\t00FEFFFF',
    ),
  ).toEqual([
    '192.0.2.0/24 eth0',
    '192.168.0.1/32 ppp0',
    '10.0.0.0/8 wg0',
    '0.0.0.0/0 ppp0',
    '172.16.254.0/23 br0',
  ]);
});

test('what leads through a gateway or nowhere is none, nor is a line of another form', () => {
  expect(
    routes(
      'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000',
      '*\t006433C6\t00000000\t0200\t0\t0\t0\t00FFFFFF',
      'nothing at all',
      '',
    ),
  ).toEqual([]);
});
