/** The topology as a tree: a network, its bridge and subnets, and under it each member with its pair. Pure. */
import { compareNames, formatTable } from './table.ts';
import type { TopologyAnswer, TopologyMemberAnswer, TopologyNetworkAnswer } from './wire.ts';

/** The tree; ends with a newline. */
export function formatTopology(topology: TopologyAnswer): string {
  const networks = [...topology.Networks].sort((a, b) => compareNames(a.Name, b.Name));
  return networks.map(formatNetwork).join('');
}

function formatNetwork(network: TopologyNetworkAnswer): string {
  const members = [...network.Members].sort((a, b) => compareNames(a.Container, b.Container));
  const lines = formatTable(members.map(memberCells)).split('\n').slice(0, -1);
  const branches = lines.map(
    (line, index) => `${index === lines.length - 1 ? '└─' : '├─'} ${line.trimEnd()}\n`,
  );
  return `${heading(network)}\n${branches.join('')}`;
}

function heading(network: TopologyNetworkAnswer): string {
  const subnets = network.Subnets.map(({ Subnet, Gateway }) => Subnet + (Gateway && ` via ${Gateway}`));
  const driver = network.Bridge === '' ? network.Driver : `${network.Driver} ${network.Bridge}`;
  return `${network.Name}: ${[driver, ...(network.Internal ? ['internal'] : []), ...subnets].join(', ')}`;
}

function memberCells(member: TopologyMemberAnswer): string[] {
  const addresses = [member.IPv4Address, member.IPv6Address].filter((address) => address !== '');
  const pair = member.Veth === '' ? '' : `${member.Ifname} <-> ${member.Veth}`;
  return [member.Container, addresses.join(' '), pair, publications(member).join(' ')];
}

function publications(member: TopologyMemberAnswer): string[] {
  return Object.entries(member.Ports).flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}->${port}`),
  );
}
