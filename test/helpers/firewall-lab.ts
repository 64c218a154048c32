/**
 * A host with networks of every kind, made by `ip` alone, with members that ask and answer, and two hosts outside,
 * one behind an interface that some networks trust. No vethd in it but the ruleset that a test applies.
 */

import type { FirewallEndpoint, FirewallInput, FirewallNetwork } from '../../src/firewall/input.ts';
import { parseAddress } from '../../src/model/address.ts';
import type { PublishedPort } from '../../src/model/endpoint.ts';
import { Agent } from './agent.ts';
import { run } from './commands.ts';
import { addNetns } from './host.ts';

/** Ports: inside, published and not; and of a service on the host. */
export const OPEN_PORT = 80;
export const CLOSED_PORT = 81;
export const HOST_SERVICE = 99;

/** A network of the lab: what its name stands for. */
export interface LabNetwork {
  readonly name: string;
  /** Third byte of its addresses: 10.N.0.0/24 and fd00:N::/64. */
  readonly number: number;
  readonly firewall: FirewallNetwork;
}

const DEFAULTS: FirewallNetwork['options'] = {
  masquerade: true,
  icc: true,
  gatewayModeIpv4: 'nat',
  gatewayModeIpv6: 'nat',
  trustedHostInterfaces: [],
  hostIpv4: undefined,
  hostIpv6: undefined,
  spoofcheck: true,
};

function labNetwork(
  name: string,
  number: number,
  options: Partial<FirewallNetwork['options']> = {},
  internal = false,
): LabNetwork {
  const firewall = {
    id: name,
    bridge: `br-${name}`,
    internal,
    enableIPv4: true,
    enableIPv6: true,
    options: { ...DEFAULTS, ...options },
  };
  return { name, number, firewall };
}

/** The networks, by name. */
export const NETWORKS: readonly LabNetwork[] = [
  labNetwork('nat', 11),
  labNetwork('other', 12),
  labNetwork('plain', 13, { masquerade: false }),
  labNetwork('unprot', 14, { gatewayModeIpv4: 'nat-unprotected', gatewayModeIpv6: 'nat-unprotected' }),
  labNetwork('routed', 15, { gatewayModeIpv4: 'routed', gatewayModeIpv6: 'routed' }),
  labNetwork('internal', 16, {}, true),
  labNetwork('noicc', 17, { icc: false }),
  labNetwork('snat', 18, { hostIpv4: parseAddress('198.51.100.9'), hostIpv6: parseAddress('2001:db8:1::9') }),
  labNetwork('trust', 19, { trustedHostInterfaces: ['out1'] }),
];

/** The hosts outside: their interface on the host, the host's address there, and theirs. */
export const OUTSIDE = {
  out0: {
    ipv4: { host: '198.51.100.1', own: '198.51.100.2' },
    ipv6: { host: '2001:db8:1::1', own: '2001:db8:1::2' },
  },
  out1: {
    ipv4: { host: '203.0.113.1', own: '203.0.113.2' },
    ipv6: { host: '2001:db8:2::1', own: '2001:db8:2::2' },
  },
} as const;

/** A member's address: its number is 2 for `a`, 3 for `b`; 1 is the gateway. */
export function addressOf(network: LabNetwork, family: 'ipv4' | 'ipv6', host: number): string {
  return family === 'ipv4' ? `10.${network.number}.0.${host}` : `fd00:${network.number}::${host}`;
}

/** The MAC of a member, as Docker made them. */
export function macOf(network: LabNetwork, host: number): string {
  const bytes = [2, 0x42, 10, network.number, 0, host];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Name of a member's namespace. */
export function memberName(network: LabNetwork, host: number): string {
  return `${network.name}${host === 2 ? 'a' : 'b'}`;
}

/** Name of a member's host end. */
export function vethOf(network: LabNetwork, host: number): string {
  return `veth0000${network.number}${host}`;
}

/** The port of the host at which member `a` of the network is published. */
export function hostPortOf(network: LabNetwork): number {
  return 8000 + network.number;
}

function publishedPorts(network: LabNetwork): PublishedPort[] {
  const hostPort = hostPortOf(network);
  return (['tcp', 'udp'] as const).map((protocol) => ({
    protocol,
    containerPort: OPEN_PORT,
    containerPortEnd: OPEN_PORT,
    hostAddress: undefined,
    hostPort,
    hostPortEnd: hostPort,
  }));
}

/** The member as the firewall knows it; `a` publishes its open port. */
export function firewallEndpoint(network: LabNetwork, host: number): FirewallEndpoint {
  return {
    id: memberName(network, host),
    networkId: network.firewall.id,
    veth: vethOf(network, host),
    mac: macOf(network, host),
    ipv4: parseAddress(addressOf(network, 'ipv4', host)),
    ipv6: parseAddress(addressOf(network, 'ipv6', host)),
    linkLocal: [],
    ports: host === 2 ? publishedPorts(network) : [],
  };
}

/** What the whole lab's ruleset is rendered from. */
export function labInput(): FirewallInput {
  return {
    networks: NETWORKS.map(({ firewall }) => firewall),
    endpoints: NETWORKS.flatMap((network) => [firewallEndpoint(network, 2), firewallEndpoint(network, 3)]),
    guardedForwarding: [],
  };
}

function bridgeLines(network: LabNetwork): string[] {
  const { bridge } = network.firewall;
  return [
    `link add ${bridge} type bridge`,
    `link set ${bridge} up`,
    `address add ${addressOf(network, 'ipv4', 1)}/24 dev ${bridge}`,
    `address add ${addressOf(network, 'ipv6', 1)}/64 dev ${bridge} nodad`,
  ];
}

function memberLines(network: LabNetwork, host: number): string[] {
  const veth = vethOf(network, host);
  const isolated = network.firewall.options.icc ? 'off' : 'on';
  const peer = `name eth0 address ${macOf(network, host)} netns ${memberName(network, host)}`;
  return [
    `link add ${veth} type veth peer ${peer}`,
    `link set ${veth} master ${network.firewall.bridge} up`,
    `link set ${veth} type bridge_slave isolated ${isolated} learning off hairpin ${host === 2 ? 'on' : 'off'}`,
  ];
}

function insideLines(network: LabNetwork, host: number): string[] {
  const lines = [
    'link set lo up',
    'link set eth0 up',
    `address add ${addressOf(network, 'ipv4', host)}/24 dev eth0`,
    `address add ${addressOf(network, 'ipv6', host)}/64 dev eth0 nodad`,
  ];
  // Members of internal networks get routes, too: it is the firewall that must stop them.
  return [
    ...lines,
    `route add default via ${addressOf(network, 'ipv4', 1)}`,
    `route add default via ${addressOf(network, 'ipv6', 1)}`,
  ];
}

async function batch(lines: readonly string[], netns?: string): Promise<void> {
  const prefix = netns === undefined ? [] : ['-n', netns];
  await run('ip', [...prefix, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

async function setSysctls(...settings: readonly string[]): Promise<void> {
  await run('sysctl', ['-q', '-w', ...settings]);
}

/** A host outside, behind an interface of the same name, with a way to every member's own address. */
export async function makeOutside(name: keyof typeof OUTSIDE): Promise<void> {
  const { ipv4, ipv6 } = OUTSIDE[name];
  await addNetns(name);
  await batch([
    `link add ${name} type veth peer name eth0 netns ${name}`,
    `link set ${name} up`,
    `address add ${ipv4.host}/24 dev ${name}`,
    `address add ${ipv6.host}/64 dev ${name} nodad`,
  ]);
  // The way to the members' own addresses is what somebody on the LAN would try.
  await batch(
    [
      'link set lo up',
      'link set eth0 up',
      `address add ${ipv4.own}/24 dev eth0`,
      `address add ${ipv6.own}/64 dev eth0 nodad`,
      `route add default via ${ipv4.host}`,
      `route add default via ${ipv6.host}`,
    ],
    name,
  );
}

async function makeMembers(network: LabNetwork): Promise<void> {
  for (const host of [2, 3]) {
    const name = memberName(network, host);
    await addNetns(name);
    await batch(memberLines(network, host));
    await batch(insideLines(network, host), name);
  }
}

/** One network with its bridge and two members, without anything outside. */
export async function buildMembers(network: LabNetwork): Promise<void> {
  await batch(bridgeLines(network));
  await makeMembers(network);
}

/** The lab: an agent in every namespace, by its name; `host` for the host. */
export type Lab = ReadonlyMap<string, Agent>;

/** Builds it, with forwarding on and route_localnet on every bridge, as the driver sets it. */
export async function buildLab(): Promise<Lab> {
  await makeOutside('out0');
  await makeOutside('out1');
  await batch([
    'address add 198.51.100.9/24 dev out0',
    'address add 2001:db8:1::9/64 dev out0 nodad preferred_lft 0',
  ]);
  await batch(NETWORKS.flatMap(bridgeLines));
  for (const network of NETWORKS) await makeMembers(network);
  await setSysctls(
    'net.ipv4.ip_forward=1',
    'net.ipv6.conf.all.forwarding=1',
    ...NETWORKS.map(({ firewall }) => `net.ipv4.conf.${firewall.bridge}.route_localnet=1`),
  );
  return startAgents();
}

async function startAgents(): Promise<Lab> {
  const members = NETWORKS.flatMap((network) => [memberName(network, 2), memberName(network, 3)]);
  const agents = new Map(['out0', 'out1', ...members].map((name) => [name, new Agent(name)]));
  agents.set('host', new Agent());
  for (const [name, agent] of agents) {
    await agent.serve(name === 'host' ? [HOST_SERVICE] : [OPEN_PORT, CLOSED_PORT]);
  }
  return agents;
}

/** Ends the agents; the namespaces go with the throwaway host. */
export async function closeLab(lab: Lab): Promise<void> {
  await Promise.all([...lab.values()].map((agent) => agent.close()));
}
