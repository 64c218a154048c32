/** Networks, endpoints and ports for the firewall's tests. */
import { parseAddress } from '../model/address.ts';
import type { PublishedPort } from '../model/endpoint.ts';
import type { FirewallEndpoint, FirewallInput, FirewallNetwork } from './input.ts';

/** A dual-stack network in mode nat with every option at its default. */
export function networkWith(
  change: Partial<Omit<FirewallNetwork, 'options'>> = {},
  options: Partial<FirewallNetwork['options']> = {},
): FirewallNetwork {
  return {
    id: 'a'.repeat(64),
    bridge: 'br-aaaaaaaaaaaa',
    internal: false,
    enableIPv4: true,
    enableIPv6: true,
    options: {
      masquerade: true,
      icc: true,
      gatewayModeIpv4: 'nat',
      gatewayModeIpv6: 'nat',
      trustedHostInterfaces: [],
      hostIpv4: undefined,
      hostIpv6: undefined,
      spoofcheck: true,
      ...options,
    },
    ...change,
  };
}

/** A member of the network of `networkWith`. */
export function endpointWith(change: Partial<FirewallEndpoint> = {}): FirewallEndpoint {
  return {
    id: 'e'.repeat(64),
    networkId: 'a'.repeat(64),
    veth: 'vethe1e1e1e',
    mac: '02:42:0a:01:00:02',
    ipv4: parseAddress('10.1.0.2'),
    ipv6: parseAddress('fd01::2'),
    linkLocal: [],
    ports: [],
    ...change,
  };
}

/** `8080:80/tcp` at every address, as Docker's command line would write it. */
export function portWith(change: Partial<PublishedPort> = {}): PublishedPort {
  return {
    protocol: 'tcp',
    containerPort: 80,
    containerPortEnd: 80,
    hostAddress: undefined,
    hostPort: 8080,
    hostPortEnd: 8080,
    ...change,
  };
}

/** Ports of every form: single, range, shifted range; at any, at one and at a loopback address; each protocol. */
export const PORTS: readonly PublishedPort[] = [
  portWith(),
  portWith({ protocol: 'udp', containerPort: 53, containerPortEnd: 53, hostPort: 53, hostPortEnd: 53 }),
  portWith({ protocol: 'sctp', containerPort: 7, containerPortEnd: 7, hostPort: 7, hostPortEnd: 7 }),
  portWith({ hostAddress: parseAddress('192.0.2.1'), hostPort: 443, hostPortEnd: 443 }),
  portWith({ hostAddress: parseAddress('127.0.0.1'), hostPort: 444, hostPortEnd: 444 }),
  portWith({ hostAddress: parseAddress('0.0.0.0'), hostPort: 445, hostPortEnd: 445 }),
  portWith({ hostAddress: parseAddress('2001:db8::1'), hostPort: 446, hostPortEnd: 446 }),
  portWith({ hostAddress: parseAddress('::'), hostPort: 447, hostPortEnd: 447 }),
  portWith({ containerPort: 6000, containerPortEnd: 6999, hostPort: 6000, hostPortEnd: 6999 }),
  portWith({ containerPort: 10, containerPortEnd: 12, hostPort: 20, hostPortEnd: 22 }),
  portWith({
    protocol: 'udp',
    hostAddress: parseAddress('192.0.2.1'),
    containerPort: 5000,
    containerPortEnd: 5010,
    hostPort: 5000,
    hostPortEnd: 5010,
  }),
  portWith({
    protocol: 'udp',
    hostAddress: parseAddress('2001:db8::1'),
    containerPort: 5000,
    containerPortEnd: 5010,
    hostPort: 5000,
    hostPortEnd: 5010,
  }),
];

function inputOf(network: FirewallNetwork, endpoint: FirewallEndpoint = endpointWith()): FirewallInput {
  return { networks: [network], endpoints: [endpoint], guardedForwarding: [] };
}

const published = endpointWith({ ports: PORTS });

/** Inputs by the name of their golden file in test/golden/nft. */
export const GOLDEN_INPUTS: Readonly<Record<string, FirewallInput>> = {
  empty: { networks: [], endpoints: [], guardedForwarding: [] },
  'forwarding-guarded': { networks: [], endpoints: [], guardedForwarding: ['ipv4', 'ipv6'] },
  'forwarding-shared': {
    networks: [],
    endpoints: [],
    guardedForwarding: ['ipv4', 'ipv6'],
    sharedForwarding: ['ipv4'],
  },
  nat: inputOf(networkWith()),
  'nat-published': inputOf(networkWith(), published),
  'nat-no-masquerade': inputOf(networkWith({}, { masquerade: false })),
  'nat-host-addresses': inputOf(
    networkWith({}, { hostIpv4: parseAddress('192.0.2.7'), hostIpv6: parseAddress('2001:db8::7') }),
  ),
  'nat-trusted-interfaces': inputOf(networkWith({}, { trustedHostInterfaces: ['eth1', 'wg0'] }), published),
  'nat-unprotected': inputOf(
    networkWith({}, { gatewayModeIpv4: 'nat-unprotected', gatewayModeIpv6: 'nat-unprotected' }),
    published,
  ),
  routed: inputOf(networkWith({}, { gatewayModeIpv4: 'routed', gatewayModeIpv6: 'routed' }), published),
  'nat-and-routed': inputOf(networkWith({}, { gatewayModeIpv6: 'routed' }), published),
  internal: inputOf(networkWith({ internal: true }), published),
  isolated: inputOf(
    networkWith({ internal: true }, { gatewayModeIpv4: 'isolated', gatewayModeIpv6: 'isolated' }),
  ),
  'no-icc': inputOf(networkWith({}, { icc: false })),
  'ipv4-only': inputOf(networkWith({ enableIPv6: false }), endpointWith({ ipv6: undefined })),
  'ipv6-only': inputOf(networkWith({ enableIPv4: false }), endpointWith({ ipv4: undefined })),
  'link-local': inputOf(
    networkWith(),
    endpointWith({ linkLocal: [parseAddress('169.254.3.3'), parseAddress('fe80::7')] }),
  ),
  'no-spoofcheck': inputOf(networkWith({}, { spoofcheck: false })),
  'no-spoofcheck-ipv4-only': inputOf(
    networkWith({ enableIPv6: false }, { spoofcheck: false }),
    endpointWith({ ipv6: undefined }),
  ),
  'two-networks': {
    networks: [
      networkWith(),
      networkWith({ id: 'b'.repeat(64), bridge: 'vethd0', enableIPv6: false }, { icc: false }),
    ],
    endpoints: [
      published,
      endpointWith({
        id: 'f'.repeat(64),
        networkId: 'b'.repeat(64),
        veth: 'vethf1f1f1f',
        mac: '02:42:ac:11:00:02',
        ipv4: parseAddress('172.17.0.2'),
        ipv6: undefined,
        ports: [portWith({ hostPort: 8081, hostPortEnd: 8081 })],
      }),
    ],
    guardedForwarding: ['ipv6'],
  },
};
