/**
 * What a network namespace should hold (desired, made by drivers) or holds (observed, a kernel dump). Plain
 * data that crosses threads by structured clone.
 */
import type { Address, Prefix } from './address.ts';

/** `host` (the daemon's own namespace) or a container's id. */
export type NetnsKey = string;

/** The key of the daemon's own namespace. */
export const HOST: NetnsKey = 'host';

/** Marks what is ours: routes (rtm_protocol), addresses (IFA_PROTO), neighbours (NDA_PROTOCOL). `v`. */
export const VETHD_PROTOCOL = 118;

/** Interface group of links that wait to be deleted (IFLA_GROUP), `retr` in ASCII; the reap is by group. */
export const RETIRED_GROUP = 0x72657472;

/** Prefix of the alias (IFLA_IFALIAS) of every link of ours; the id of its network or endpoint follows. */
export const ALIAS_PREFIX = 'vethd:';

/** The alias of a link that waits to be deleted. */
export const RETIRED_ALIAS = 'vethd:retired';

/** Attributes of a bridge port (IFLA_BRPORT_*). */
export interface BridgePort {
  readonly isolated: boolean;
  readonly locked: boolean;
  readonly learning: boolean;
  readonly neighSuppress: boolean;
  /** Frames may leave by the port that they came by. */
  readonly hairpin: boolean;
  /** BPDU guard and root block. */
  readonly guard: boolean;
}

/** The other end of a veth pair. */
export interface VethPeer {
  readonly netns: NetnsKey;
  readonly ifname: string;
}

/** How IPv6 link-local addresses come about (IFLA_INET6_ADDR_GEN_MODE). */
export type AddrGenMode = 'eui64' | 'none';

/** A link that should exist. A veth pair is two of them, each naming the other as `peer`. */
export interface Link {
  readonly ifname: string;
  readonly kind: 'loopback' | 'bridge' | 'veth';
  /** `vethd:<id>`; `''` for lo of a namespace that is not ours and for a foreign bridge that we use. */
  readonly alias: string;
  readonly up: boolean;
  /** `''`: leave as it is. */
  readonly mac: string;
  /** 0: leave as it is. */
  readonly mtu: number;
  readonly addrGenMode: AddrGenMode;
  /** The bridge whose port it is; `''` for none. */
  readonly master: string;
  readonly port: BridgePort | undefined;
  readonly peer: VethPeer | undefined;
}

/** An address on an interface, with the length of its subnet. */
export interface InterfaceAddress {
  readonly ifname: string;
  readonly prefix: Prefix;
}

/** A route of the main table. A gateway of undefined is an on-link route. */
export interface Route {
  readonly ifname: string;
  readonly destination: Prefix;
  readonly gateway: Address | undefined;
  /** Preferred source; undefined for none. */
  readonly source: Address | undefined;
  readonly metric: number;
  /** `kernel`: the connected route that the kernel makes with an address. */
  readonly protocol: 'vethd' | 'kernel';
}

/** A permanent neighbour entry (ARP or ND). */
export interface Neighbour {
  readonly ifname: string;
  readonly address: Address;
  readonly mac: string;
}

/** A static entry of a bridge's forwarding table on one of its ports (`bridge fdb … master static`). */
export interface FdbEntry {
  readonly ifname: string;
  readonly mac: string;
}

/** A setting below /proc/sys/net, for instance `ipv6/conf/eth0/disable_ipv6`. */
export interface Sysctl {
  readonly key: string;
  readonly value: string;
  /**
   * The endpoint whose client asked for it, which fails where the kernel has no such setting or refuses the value. One
   * that only vethd wants is left out by a kernel that does not have it (built without IPv6, say).
   */
  readonly askedBy?: string;
}

/** What one namespace should hold. What is not mentioned is not ours. */
export interface NetState {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
  readonly sysctls: readonly Sysctl[];
}

/** A NetState, or an ObservedState, without anything in it. */
export const EMPTY_NETSTATE: Readonly<Record<keyof NetState, readonly never[]>> = Object.freeze({
  links: [],
  addresses: [],
  routes: [],
  neighbours: [],
  fdb: [],
  sysctls: [],
});

/** Counters of a link (IFLA_STATS64). */
export interface LinkCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** A link as the kernel tells it, ours or not. */
export interface ObservedLink {
  readonly ifname: string;
  /** IFLA_INFO_KIND; `loopback` for lo, `''` for a device without a kind. */
  readonly kind: string;
  readonly ifindex: number;
  readonly alias: string;
  readonly up: boolean;
  readonly mac: string;
  readonly mtu: number;
  readonly addrGenMode: AddrGenMode | 'other';
  /** ifindex of the master, 0 for none. */
  readonly masterIndex: number;
  readonly port: (BridgePort & { readonly state: string }) | undefined;
  readonly group: number;
  /** IFLA_LINK: for a veth the ifindex of its peer in the peer's namespace; 0 if the kernel does not tell. */
  readonly peerIndex: number;
  /** IFLA_LINK_NETNSID: the peer's namespace as numbered in this one; -1 when it is the same namespace. */
  readonly peerNetnsid: number;
  readonly operstate: string;
  readonly carrier: boolean;
  /** Zeros where they were not asked for. */
  readonly counters: LinkCounters;
}

/** A link of which the kernel told nothing. */
export const UNTOLD_LINK: ObservedLink = Object.freeze({
  ifname: '',
  kind: '',
  ifindex: 0,
  alias: '',
  up: false,
  mac: '',
  mtu: 0,
  addrGenMode: 'none',
  masterIndex: 0,
  port: undefined,
  group: 0,
  peerIndex: 0,
  peerNetnsid: -1,
  operstate: 'unknown',
  carrier: false,
  counters: Object.freeze({
    rxBytes: 0,
    rxPackets: 0,
    rxErrors: 0,
    rxDropped: 0,
    txBytes: 0,
    txPackets: 0,
    txErrors: 0,
    txDropped: 0,
  }),
});

/** An observed address; `ours` by IFA_PROTO. */
export interface ObservedAddress extends InterfaceAddress {
  readonly ours: boolean;
}

/** An observed route of the main table; foreign ones carry `other`. */
export interface ObservedRoute extends Omit<Route, 'protocol'> {
  readonly protocol: 'vethd' | 'kernel' | 'other';
}

/** An observed neighbour entry in state permanent; `ours` by NDA_PROTOCOL. */
export interface ObservedNeighbour extends Neighbour {
  readonly ours: boolean;
}

/** What a namespace holds. In a scoped observation only of the links that were asked for. */
export interface ObservedState {
  readonly links: readonly ObservedLink[];
  readonly addresses: readonly ObservedAddress[];
  readonly routes: readonly ObservedRoute[];
  readonly neighbours: readonly ObservedNeighbour[];
  readonly fdb: readonly FdbEntry[];
  /** The settings that were asked for, in the order asked; a value of undefined where the file is missing. */
  readonly sysctls: readonly { readonly key: string; readonly value: string | undefined }[];
}
