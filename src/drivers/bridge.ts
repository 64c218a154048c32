/**
 * The driver `bridge`: a Linux bridge on the host with the gateways' addresses, and a veth pair for every
 * endpoint: one end a port of the bridge, the peer inside the namespace.
 */
import { addressToBytes, macFromBytes, networkOf, type Prefix, sameAddress } from '../model/address.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { ENDPOINT_OPTION } from '../model/endpoint-rules.ts';
import { parseEndpointSysctl } from '../model/endpoint-sysctls.ts';
import {
  ALIAS_PREFIX,
  type BridgePort,
  EMPTY_NETSTATE,
  type FdbEntry,
  HOST,
  type InterfaceAddress,
  type Link,
  type Neighbour,
  type NetState,
  type Route,
  type Sysctl,
} from '../model/netstate.ts';
import { type BridgeOptions, type Network, type Subnet, subnetOf } from '../model/network.ts';
import type { Driver, DriverNetwork, EndpointStates } from './driver.ts';

/** MTU where the network names none: that of Docker. */
export const DEFAULT_MTU = 1500;

const LINK_LOCAL_PREFIX: Record<'ipv4' | 'ipv6', number> = { ipv4: 16, ipv6: 64 };

/** Alias of the links that belong to a network or an endpoint. */
export function aliasOf(id: string): string {
  return ALIAS_PREFIX + id;
}

/** The name of a network's bridge. */
export function bridgeName({ network, options }: DriverNetwork): string {
  return options.bridgeName ?? `br-${network.id.slice(0, 12)}`;
}

/**
 * The bridge's MAC, fixed so that a port that comes or goes does not change the gateway's: `02:42:` + the IPv4
 * gateway, or `02:` + digits of the id. Left to itself a bridge takes the lowest of its ports, and when that one
 * leaves, the other members send to an address that nobody has.
 */
function bridgeMac({ network }: DriverNetwork): string {
  const gateway = subnetOf(network, 'ipv4')?.gateway;
  if (gateway !== undefined) {
    return `02:42:${macFromBytes(addressToBytes(gateway))}`;
  }
  return ['02', ...(network.id.slice(0, 10).match(/../g) ?? [])].join(':');
}

/** A device of the client's naming may have been there before; then it is left as it is, its MAC too. */
export function mayBeForeign({ network, options }: DriverNetwork): boolean {
  return options.bridgeName !== undefined && !network.predefined;
}

function isOnBridge(subnet: Subnet, options: BridgeOptions): boolean {
  const { family } = subnet.prefix.address;
  if (family === 'ipv4') return !options.inhibitIpv4 && options.gatewayModeIpv4 !== 'isolated';
  return options.gatewayModeIpv6 !== 'isolated';
}

function gatewayAddresses(network: Network, options: BridgeOptions, ifname: string): InterfaceAddress[] {
  return network.subnets.flatMap((subnet) =>
    subnet.gateway !== undefined && isOnBridge(subnet, options)
      ? [{ ifname, prefix: { address: subnet.gateway, length: subnet.prefix.length } }]
      : [],
  );
}

/** The connected route that the kernel makes with an address, wanted too: somebody may delete it. */
function connectedRoute({ ifname, prefix }: InterfaceAddress): Route[] {
  const { family } = prefix.address;
  if (prefix.length === (family === 'ipv4' ? 32 : 128)) return [];
  const destination = networkOf(prefix);
  const source = family === 'ipv4' ? prefix.address : undefined;
  const metric = family === 'ipv4' ? 0 : 256;
  return [{ ifname, destination, gateway: undefined, source, metric, protocol: 'kernel' }];
}

function ipv6Sysctls(ifname: string, enabled: boolean): Sysctl[] {
  const folder = `ipv6/conf/${ifname}`;
  if (!enabled) return [{ key: `${folder}/disable_ipv6`, value: '1' }];
  return [
    { key: `${folder}/disable_ipv6`, value: '0' },
    { key: `${folder}/accept_ra`, value: '0' },
  ];
}

function bridgeLink(driverNetwork: DriverNetwork, ifname: string): Link {
  const { network, options } = driverNetwork;
  return {
    ifname,
    kind: 'bridge',
    alias: aliasOf(network.id),
    up: true,
    mac: bridgeMac(driverNetwork),
    mtu: options.mtu ?? DEFAULT_MTU,
    addrGenMode: network.enableIPv6 ? 'eui64' : 'none',
    master: '',
    port: undefined,
    peer: undefined,
  };
}

function hostState(driverNetwork: DriverNetwork): NetState {
  const { network, options } = driverNetwork;
  if (network.configOnly) return EMPTY_NETSTATE;
  const ifname = bridgeName(driverNetwork);
  const addresses = gatewayAddresses(network, options, ifname);
  return {
    links: [bridgeLink(driverNetwork, ifname)],
    addresses,
    routes: addresses.flatMap(connectedRoute),
    neighbours: [],
    fdb: [],
    sysctls: ipv6Sysctls(ifname, network.enableIPv6),
  };
}

/**
 * A member that publishes ports may ask itself by them: where bridged frames pass the host's hooks
 * (net.bridge.bridge-nf-call-iptables), the translated frame goes back to the port that it came by.
 */
function portOf(options: BridgeOptions, { ports }: Endpoint): BridgePort {
  return {
    isolated: !options.icc,
    locked: options.spoofcheck,
    learning: !options.spoofcheck,
    neighSuppress: options.permanentNeighbours,
    hairpin: ports.length > 0,
    guard: true,
  };
}

function endpointAddresses(network: Network, endpoint: Endpoint): InterfaceAddress[] {
  const { ifname } = endpoint;
  const assigned = [endpoint.ipv4, endpoint.ipv6].flatMap((address) => {
    if (address === undefined) return [];
    const length = subnetOf(network, address.family)?.prefix.length;
    return length === undefined ? [] : [{ ifname, prefix: { address, length } satisfies Prefix }];
  });
  const linkLocal = endpoint.asked.linkLocal.map((address) => ({
    ifname,
    prefix: { address, length: LINK_LOCAL_PREFIX[address.family] },
  }));
  return [...assigned, ...linkLocal];
}

/** The members' entries for the gateways: an answer that nobody has to ask for. */
function gatewayNeighbours(driverNetwork: DriverNetwork, ifname: string): Neighbour[] {
  const { network, options } = driverNetwork;
  if (!options.permanentNeighbours || mayBeForeign(driverNetwork)) return [];
  const mac = bridgeMac(driverNetwork);
  return gatewayAddresses(network, options, ifname).map(({ prefix }) => ({
    ifname,
    address: prefix.address,
    mac,
  }));
}

/** The bridge's entries for a member: the host need not ask, and the bridge answers other members. */
export function memberNeighbours(driverNetwork: DriverNetwork, endpoint: Endpoint): Neighbour[] {
  if (!driverNetwork.options.permanentNeighbours) return [];
  const ifname = bridgeName(driverNetwork);
  return [endpoint.ipv4, endpoint.ipv6].flatMap((address) =>
    address === undefined ? [] : [{ ifname, address, mac: endpoint.mac }],
  );
}

function pairOf(driverNetwork: DriverNetwork, endpoint: Endpoint): { host: Link; peer: Link } {
  const { network, options } = driverNetwork;
  const { veth, ifname, containerId } = endpoint;
  const both = {
    kind: 'veth',
    alias: aliasOf(endpoint.id),
    up: true,
    mtu: options.mtu ?? DEFAULT_MTU,
  } as const;
  return {
    host: {
      ...both,
      ifname: veth,
      mac: '',
      addrGenMode: 'none',
      master: bridgeName(driverNetwork),
      port: portOf(options, endpoint),
      peer: { netns: containerId, ifname },
    },
    peer: {
      ...both,
      ifname,
      mac: endpoint.mac,
      addrGenMode: network.enableIPv6 ? 'eui64' : 'none',
      master: '',
      port: undefined,
      peer: { netns: HOST, ifname: veth },
    },
  };
}

/**
 * None without IPv6: a member then has no link-local address to speak from (its generation mode is none), and the
 * table `bridge vethd` drops its IPv6 whatever it gives itself. Files below /proc/sys are dear in a namespace: the
 * entries of all namespaces share one hash chain, and the first look into the 1,000th took 0.8 ms, into the first
 * 0.05 (kernel 6.18).
 */
function memberSysctls(network: Network, ifname: string): Sysctl[] {
  return network.enableIPv6 ? ipv6Sysctls(ifname, true) : [];
}

/** The settings that the client asked for (`…endpoint.sysctls`). */
function askedSysctls({ id, driverOpts, ifname }: Endpoint): Sysctl[] {
  const list = driverOpts[ENDPOINT_OPTION.sysctls];
  return (list?.split(',') ?? []).flatMap((text) => {
    const asked = parseEndpointSysctl(text);
    return asked === undefined
      ? []
      : [
          {
            key: [asked.family, asked.folder, ifname, asked.name].join('/'),
            value: asked.value,
            askedBy: id,
          },
        ];
  });
}

function endpointStates(driverNetwork: DriverNetwork, endpoint: Endpoint): EndpointStates {
  const { network, options } = driverNetwork;
  const { host, peer } = pairOf(driverNetwork, endpoint);
  const addresses = endpointAddresses(network, endpoint);
  const fdb: FdbEntry[] = options.spoofcheck ? [{ ifname: host.ifname, mac: endpoint.mac }] : [];
  return {
    host: { ...EMPTY_NETSTATE, links: [host], neighbours: memberNeighbours(driverNetwork, endpoint), fdb },
    container: {
      ...EMPTY_NETSTATE,
      links: [peer],
      addresses,
      routes: addresses.flatMap(connectedRoute),
      neighbours: gatewayNeighbours(driverNetwork, endpoint.ifname).filter(
        ({ address }) => !addresses.some(({ prefix }) => sameAddress(prefix.address, address)),
      ),
      sysctls: [...memberSysctls(network, endpoint.ifname), ...askedSysctls(endpoint)],
    },
  };
}

/** A bridge with members. */
export const bridgeDriver: Driver = {
  name: 'bridge',
  bridgeOf: (network) => (network.network.configOnly ? undefined : bridgeName(network)),
  hostState,
  endpointStates,
};
