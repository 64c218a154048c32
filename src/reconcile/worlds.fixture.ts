/** Desired states and the observations that equal them, for tests of the pure steps. */
import { bridgeDriver } from '../drivers/bridge.ts';
import { defaultRoutes } from '../drivers/default-route.ts';
import type { DriverNetwork } from '../drivers/driver.ts';
import type { Observation, ObservedNetns } from '../kernel/contract.ts';
import { parseAddress, parsePrefix } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import {
  EMPTY_NETSTATE,
  type Link,
  type NetState,
  type ObservedLink,
  type ObservedState,
  UNTOLD_LINK,
} from '../model/netstate.ts';
import type { BridgeOptions, Network } from '../model/network.ts';
import { type Desired, type DesiredNetns, mergeStates } from './desired.ts';

const OPTIONS: BridgeOptions = {
  bridgeName: undefined,
  mtu: undefined,
  masquerade: true,
  icc: true,
  hostBindingIpv4: undefined,
  gatewayModeIpv4: 'nat',
  gatewayModeIpv6: 'nat',
  inhibitIpv4: false,
  trustedHostInterfaces: [],
  ifacePrefix: 'eth',
  hostIpv4: undefined,
  hostIpv6: undefined,
  advertiseCount: 3,
  advertiseIntervalMs: 1000,
  spoofcheck: true,
  permanentNeighbours: true,
  dns: true,
};

/** In what a network may differ from the plain one. */
export interface Variant {
  readonly ipv6: boolean;
  readonly internal: boolean;
  readonly options: Partial<BridgeOptions>;
}

/** A bridge network 10.N.0.0/24, with IPv6 also fd00:0:0:N::/64, whose id begins with the digit. */
export function networkOf(
  digit: string,
  name: string,
  { ipv6, internal, options }: Variant = { ipv6: false, internal: false, options: {} },
): DriverNetwork {
  const number = Number.parseInt(digit, 16);
  const subnetAt = (prefix: string, gateway: string): Network['subnets'][number] => ({
    prefix: parsePrefix(prefix),
    ipRange: undefined,
    gateway: parseAddress(gateway),
    aux: {},
    automatic: false,
  });
  const network: Network = {
    id: digit.repeat(64),
    name,
    created: '2026-01-01T00:00:00.000000000Z',
    driver: 'bridge',
    predefined: false,
    enableIPv4: true,
    enableIPv6: ipv6,
    internal,
    attachable: false,
    configOnly: false,
    configFrom: '',
    ipamOptions: undefined,
    subnets: [
      subnetAt(`10.${number}.0.0/24`, `10.${number}.0.1`),
      ...(ipv6 ? [subnetAt(`fd00:0:0:${digit}::/64`, `fd00:0:0:${digit}::1`)] : []),
    ],
    options: {},
    labels: {},
  };
  return { network, options: { ...OPTIONS, ...options } };
}

/** An endpoint of a container on a network; `digits` begin its id. */
export function endpointOf(
  digits: string,
  { network }: DriverNetwork,
  containerId: string,
  ifname: string,
  address: string,
  ipv6?: string,
): Endpoint {
  const id = digits.padEnd(64, '0');
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return {
    id,
    networkId: network.id,
    containerId,
    ordinal: 1,
    veth: `veth${id.slice(0, 7)}`,
    ifname,
    mac: ['02', '42', ...bytes].join(':'),
    ipv4: parseAddress(address),
    ipv6: ipv6 === undefined ? undefined : parseAddress(ipv6),
    asked: { ipv4: undefined, ipv6: undefined, linkLocal: [] },
    askedMac: '',
    aliases: [],
    links: [],
    driverOpts: {},
    gwPriority: 0,
    ports: [],
  };
}

const LOOPBACK: Link = {
  ifname: 'lo',
  kind: 'loopback',
  alias: '',
  up: true,
  mac: '',
  mtu: 0,
  addrGenMode: 'eui64',
  master: '',
  port: undefined,
  peer: undefined,
};

/** What a world of these networks and memberships should look like, everything in scope. */
export function desiredOf(
  networks: readonly DriverNetwork[],
  members: readonly { readonly endpoint: Endpoint; readonly network: DriverNetwork }[],
  containers: readonly string[] = [],
): Desired {
  const netns = new Map<string, DesiredNetns>();
  for (const id of new Set([...containers, ...members.map(({ endpoint }) => endpoint.containerId)])) {
    const own = members.filter(({ endpoint }) => endpoint.containerId === id);
    const states = own.map(({ endpoint, network }) => bridgeDriver.endpointStates(network, endpoint));
    netns.set(id, {
      ref: { kind: 'name', name: id },
      managedName: undefined,
      identity: undefined,
      inside: mergeStates([
        ...states.map(({ container }) => container),
        { ...EMPTY_NETSTATE, links: [LOOPBACK], routes: defaultRoutes(own) },
      ]),
      outside: mergeStates(states.map(({ host }) => host)),
    });
  }
  return {
    host: mergeStates(networks.map((network) => bridgeDriver.hostState(network))),
    netns,
    vacant: new Map(),
    links: new Set(),
    neighbours: [],
    everything: true,
  };
}

type Indexes = (netns: string, ifname: string) => number;

function observedLink(netns: string, link: Link, indexes: Indexes): ObservedLink {
  return {
    ...UNTOLD_LINK,
    ifname: link.ifname,
    kind: link.kind,
    ifindex: indexes(netns, link.ifname),
    alias: link.alias,
    up: link.up,
    mac: link.mac === '' ? '02:00:00:00:00:01' : link.mac,
    mtu: link.mtu === 0 ? 65536 : link.mtu,
    addrGenMode: link.addrGenMode,
    masterIndex: link.master === '' ? 0 : indexes(netns, link.master),
    port: link.port && { ...link.port, state: 'forwarding' },
    peerIndex: link.peer === undefined ? 0 : indexes(link.peer.netns, link.peer.ifname),
    peerNetnsid: link.peer === undefined ? -1 : 1,
    operstate: 'up',
    carrier: true,
  };
}

function observedState(netns: string, state: NetState, indexes: Indexes): ObservedState {
  return {
    links: state.links.map((link) => observedLink(netns, link, indexes)),
    addresses: state.addresses.map((address) => ({ ...address, ours: true })),
    routes: state.routes,
    neighbours: state.neighbours.map((neighbour) => ({ ...neighbour, ours: true })),
    fdb: state.fdb,
    sysctls: state.sysctls,
  };
}

/** The observation in which everything is just as desired. */
export function observationOf(desired: Desired): Observation {
  const known = new Map<string, number>();
  const indexes: Indexes = (netns, ifname) => {
    const key = `${netns}/${ifname}`;
    const index = known.get(key) ?? known.size + 1;
    known.set(key, index);
    return index;
  };
  const host = mergeStates([desired.host, ...[...desired.netns.values()].map(({ outside }) => outside)]);
  const netns = new Map<string, ObservedNetns>();
  for (const [key, { inside }] of desired.netns) {
    const identity = { bootId: 'boot', inode: `4:${key.length}${key}` };
    netns.set(key, { status: 'present', identity, state: observedState(key, inside, indexes) });
  }
  return { host: observedState('host', host, indexes), netns, ownNetns: [] };
}

/** The same observation with one namespace's state changed. */
export function withState(
  observation: Observation,
  key: string,
  change: (state: ObservedState) => ObservedState,
): Observation {
  if (key === 'host') return { ...observation, host: change(observation.host) };
  const found = observation.netns.get(key);
  if (found?.status !== 'present') throw new Error(`no namespace ${key} in the fixture`);
  const netns = new Map(observation.netns).set(key, { ...found, state: change(found.state) });
  return { ...observation, netns };
}
