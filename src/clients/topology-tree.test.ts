import { expect, test } from 'vitest';
import { formatTopology } from './topology-tree.ts';
import type { TopologyMemberAnswer, TopologyNetworkAnswer } from './wire.ts';

function member(name: string, last: number): TopologyMemberAnswer {
  return {
    Container: name,
    Veth: `veth000000${last}`,
    Ifname: 'eth0',
    IPv4Address: `10.9.0.${last}/24`,
    IPv6Address: '',
    Ports: last === 3 ? { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }] } : {},
  };
}

function network(name: string, driver: string, rest: Partial<TopologyNetworkAnswer>): TopologyNetworkAnswer {
  return { Name: name, Driver: driver, Bridge: '', Internal: false, Subnets: [], Members: [], ...rest };
}

test('networks in order, members under them', () => {
  const lab = network('lab', 'bridge', {
    Bridge: 'br-0123456789ab',
    Internal: true,
    Subnets: [{ Subnet: '10.9.0.0/24', Gateway: '10.9.0.1' }],
    Members: [member('web10', 3), member('web2', 2)],
  });
  expect(formatTopology({ Networks: [network('none', 'null', {}), lab] })).toBe(
    [
      'lab: bridge br-0123456789ab, internal, 10.9.0.0/24 via 10.9.0.1',
      '├─ web2      10.9.0.2/24   eth0 <-> veth0000002',
      '└─ web10     10.9.0.3/24   eth0 <-> veth0000003   0.0.0.0:8080->80/tcp',
      'none: null',
      '',
    ].join('\n'),
  );
});
