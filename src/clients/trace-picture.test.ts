import { expect, test } from 'vitest';
import { formatTrace } from './trace-picture.ts';
import type { TraceAnswer, TraceEndAnswer } from './wire.ts';

function end(ifname: string, ifindex: number, addresses: string[], peerIfindex = 0): TraceEndAnswer {
  const Counters = {
    RxBytes: 84,
    RxPackets: 1,
    RxErrors: 0,
    RxDropped: 0,
    TxBytes: 168,
    TxPackets: 2,
    TxErrors: 1,
    TxDropped: 3,
  };
  return {
    Ifname: ifname,
    Ifindex: ifindex,
    PeerIfindex: peerIfindex,
    Mac: '02:42:0a:09:00:02',
    Mtu: 1500,
    Up: true,
    Operstate: 'up',
    Addresses: addresses,
    Counters,
  };
}

const OURS: TraceAnswer = {
  Host: end('veth0123456', 7, [], 2),
  Peer: end('eth0', 2, ['10.9.0.2/24'], 7),
  Ours: true,
  Netns: 'web',
  Container: { Id: 'a'.repeat(64), Name: 'web' },
  Network: { Id: 'b'.repeat(64), Name: 'lab' },
  EndpointId: 'c'.repeat(64),
  Bridge: { Ifname: 'br-bbbbbbbbbbbb', PortState: 'forwarding' },
};

test('both ends, each naming the other’s ifindex', () => {
  expect(formatTrace(OURS)).toBe(
    [
      'container web (aaaaaaaaaaaa) on network lab (bbbbbbbbbbbb), endpoint cccccccccccc',
      '',
      '             inside web                       on the host',
      '  interface  eth0@if7              <------->  veth0123456@if2  --->  br-bbbbbbbbbbbb (port forwarding)',
      '  ifindex    2                                7',
      '  MAC        02:42:0a:09:00:02                02:42:0a:09:00:02',
      '  addresses  10.9.0.2/24                      none',
      '  state      up, mtu 1500                     up, mtu 1500',
      '  received   1 packet, 84 bytes               1 packet, 84 bytes',
      '  sent       2 packets, 168 bytes             2 packets, 168 bytes',
      '  lost       3 dropped, 1 error               3 dropped, 1 error',
      '',
    ].join('\n'),
  );
});

test('a pair of somebody else, whose peer cannot be seen', () => {
  const foreign: TraceAnswer = { Host: end('v0', 7, []), Ours: false, Netns: 'netnsid 3' };
  const text = formatTrace(foreign);
  expect(text).toContain('a pair that vethd did not make; its other end is in netnsid 3');
  expect(text).toContain('not to be seen from here');
});

test('a pair of somebody else, both ends on the host', () => {
  const foreign: TraceAnswer = {
    Host: end('v0', 7, [], 8),
    Peer: end('v1', 8, [], 7),
    Ours: false,
    Netns: 'host',
  };
  const [first, , titles, interfaces] = formatTrace(foreign).split('\n');
  expect(first).toBe('a pair that vethd did not make; both its ends are on the host');
  expect(titles).toMatch(/^ +on the host +on the host$/);
  expect(interfaces).toMatch(/v1@if7 +<-------> {2}v0@if8$/);
});

test('an end inside whose other end is not on the host', () => {
  const foreign: TraceAnswer = { Host: null, Peer: end('v1', 8, [], 7), Ours: false, Netns: 'web' };
  const [first, , titles, interfaces] = formatTrace(foreign).split('\n');
  expect(first).toBe("a pair that vethd did not make, from web to another namespace than the host's");
  expect(titles).toMatch(/^ +inside web +not on the host$/);
  expect(interfaces).toMatch(/v1@if7 +<-------> {2}not to be seen from here$/);
});
