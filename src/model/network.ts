/**
 * The noun `network`: a named layer-2/3 domain with a driver, subnets and options, as Docker knows it. Types
 * only; the rules for a client's wishes are in network-rules.ts, for driver options in bridge-options.ts.
 */
import type { Address, Family, Prefix } from './address.ts';

/** A driver's name on the wire. `null` is the driver of the network called `none`. */
export type DriverName = 'bridge' | 'host' | 'null';

/** One address range of a network. */
export interface Subnet {
  readonly prefix: Prefix;
  /** Where addresses are chosen from when the client names none; the whole subnet when undefined. */
  readonly ipRange: Prefix | undefined;
  /** The bridge's address; undefined where the network has none (isolated, inhibited, /32 …). */
  readonly gateway: Address | undefined;
  /** Reserved addresses by name. */
  readonly aux: Readonly<Record<string, Address>>;
  /** Whether vethd chose the prefix, not the client. */
  readonly automatic: boolean;
}

/** Where automatic subnets are cut from: `base` in pieces of `/size`. */
export interface AddressPool {
  readonly base: Prefix;
  readonly size: number;
}

/** A network as it is stored. */
export interface Network {
  /** 64 lower hex digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  readonly driver: DriverName;
  /** bridge, host or none: cannot be removed. */
  readonly predefined: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly configOnly: boolean;
  /** The config-only network that this one was made from; `''` for none. */
  readonly configFrom: string;
  readonly ipamOptions: Readonly<Record<string, string>> | undefined;
  /** IPv4 first, then IPv6. */
  readonly subnets: readonly Subnet[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** One entry of a client's IPAM configuration, not yet parsed. */
export interface IpamConfigSpec {
  readonly subnet: string;
  readonly ipRange: string;
  readonly gateway: string;
  readonly aux: Readonly<Record<string, string>>;
}

/** A client's wish for a network; `''` and undefined mean "not given". */
export interface NetworkSpec {
  readonly name: string;
  readonly driver: string;
  readonly scope: string;
  readonly enableIPv4: boolean | undefined;
  readonly enableIPv6: boolean | undefined;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly configOnly: boolean;
  readonly configFrom: string;
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>> | undefined;
  readonly ipamConfig: readonly IpamConfigSpec[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** What the host does for a subnet's way out, per family (`com.docker.network.bridge.gateway_mode_ipv4`). */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

/** The driver options of a bridge network, parsed and defaulted. */
export interface BridgeOptions {
  /** The device; the default is `br-` + 12 digits of the network's id. */
  readonly bridgeName: string | undefined;
  readonly mtu: number | undefined;
  readonly masquerade: boolean;
  readonly icc: boolean;
  readonly hostBindingIpv4: Address | undefined;
  readonly gatewayModeIpv4: GatewayMode;
  readonly gatewayModeIpv6: GatewayMode;
  readonly inhibitIpv4: boolean;
  readonly trustedHostInterfaces: readonly string[];
  /** What interface names inside begin with; `eth`. */
  readonly ifacePrefix: string;
  /** Source address of SNAT in place of masquerade. */
  readonly hostIpv4: Address | undefined;
  readonly hostIpv6: Address | undefined;
  /** Gratuitous ARP/NA after joining: how many, how far apart in milliseconds. */
  readonly advertiseCount: number;
  readonly advertiseIntervalMs: number;
  /** `vethd.spoofcheck`: drop frames with a foreign source; on by default. */
  readonly spoofcheck: boolean;
  /** `vethd.permanent_neighbours`: static ARP/ND entries at both ends; on by default. */
  readonly permanentNeighbours: boolean;
  /** `vethd.dns`: names on this network; on by default but for the predefined bridge. */
  readonly dns: boolean;
}

/** The subnet of a family, if the network has one. */
export function subnetOf(network: Network, family: Family): Subnet | undefined {
  return network.subnets.find((subnet) => subnet.prefix.address.family === family);
}
