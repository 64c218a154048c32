import { expect, test } from 'vitest';
import { formatAddress } from '../model/address.ts';
import type { Protocol } from '../model/endpoint.ts';
import { parseSocketTable } from './host-ports.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function listeners(lines: string, protocol: Protocol = 'tcp'): string[] {
  return parseSocketTable(HEAD + lines, protocol).map(
    ({ address, port }) => `${formatAddress(address)} ${port}`,
  );
}

test('an IPv4 listener; a connection is none', () => {
  const text =
    '   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0\n' +
    '   1: 0100007F:0016 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0\n';
  expect(listeners(text)).toEqual(['127.0.0.1 22']);
});

test('IPv6 listeners, one of them on an IPv4 address', () => {
  const tail =
    ':1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1\n';
  const text =
    `   0: 00000000000000000000000000000000${tail}` +
    `   1: B80D0120000000000000000001000000${tail}` +
    `   2: 0000000000000000FFFF00000100007F${tail}`;
  expect(listeners(text)).toEqual([':: 8080', '2001:db8::1 8080', '127.0.0.1 8080']);
});

test('a UDP socket that is bound; one that is connected is none', () => {
  const text =
    ' 9: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0\n' +
    ' 9: 0200000A:9000 0100000A:0035 01 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0\n';
  expect(listeners(text, 'udp')).toEqual(['0.0.0.0 53']);
});
