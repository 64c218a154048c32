/**
 * The sets and maps of vethd's two nftables tables, and a change of their elements as plain data. The ruleset
 * declares them from here and the nfnetlink codec encodes elements by the same table, so that both cannot
 * disagree. An element is its nft text, for instance `"veth0123456" : goto checked_both`.
 */

/** The type of one field of a key or value, as nft names it; `nd_target` is 128 bits read from a packet. */
export type NftField =
  | 'ifname'
  | 'ether_addr'
  | 'ipv4_addr'
  | 'ipv6_addr'
  | 'nd_target'
  | 'nf_proto'
  | 'inet_proto'
  | 'inet_service';

/** How a set or map is declared. */
export interface NftSet {
  /** The family of its table; both tables are called `vethd`. */
  readonly table: 'inet' | 'bridge';
  readonly key: readonly NftField[];
  /** What a map gives; undefined for a set. */
  readonly value: readonly NftField[] | 'verdict' | undefined;
  /** Whether ports in keys may be ranges (`flags interval`). */
  readonly interval: boolean;
}

function setOf(table: NftSet['table'], ...key: readonly NftField[]): NftSet {
  return { table, key, value: undefined, interval: false };
}

function mapOf(table: NftSet['table'], key: readonly NftField[], value: NftSet['value']): NftSet {
  return { table, key, value, interval: false };
}

function rangesOf(set: NftSet): NftSet {
  return { ...set, interval: true };
}

const PORT = ['inet_proto', 'inet_service'] as const;
const PORT4 = ['ipv4_addr', ...PORT] as const;
const PORT6 = ['ipv6_addr', ...PORT] as const;
const TARGET4 = ['ipv4_addr', 'inet_service'] as const;
const TARGET6 = ['ipv6_addr', 'inet_service'] as const;

/** Name of vethd's tables in both families. */
export const NFT_TABLE = 'vethd';

/** Every set and map, in the order in which they are declared. */
export const NFT_SETS = {
  /** Bridges of our networks. */
  bridges: setOf('inet', 'ifname'),
  /** Bridges of internal networks. */
  internal: setOf('inet', 'ifname'),
  /** Each of our bridges twice: from it back into itself. */
  within: setOf('inet', 'ifname', 'ifname'),
  /** Bridges whose members may not talk to each other. */
  no_icc: setOf('inet', 'ifname'),
  /** Families whose forwarding between interfaces that are not ours stays off. */
  guarded: setOf('inet', 'nf_proto'),
  /** Those of them whose forwarding another program needs for bridges of its own. */
  shared: setOf('inet', 'nf_proto'),
  /** What becomes of new connections into a bridge, by the network's gateway mode. */
  into: mapOf('inet', ['nf_proto', 'ifname'], 'verdict'),
  /** Host interfaces that may reach published ports at the members' own addresses, with the bridge. */
  trusted: setOf('inet', 'ifname', 'ifname'),
  /** Bridges whose packets leave the host under the host's address. */
  masqueraded: setOf('inet', 'nf_proto', 'ifname'),
  /** The same with an address that the network names. */
  snat4: mapOf('inet', ['ifname'], ['ipv4_addr']),
  snat6: mapOf('inet', ['ifname'], ['ipv6_addr']),
  /** Published ports: at one host address, at any, and ranges of them that keep the port's number. */
  publish4: mapOf('inet', PORT4, TARGET4),
  publish4_any: mapOf('inet', PORT, TARGET4),
  publish4_range: rangesOf(mapOf('inet', PORT4, ['ipv4_addr'])),
  publish4_any_range: rangesOf(mapOf('inet', PORT, ['ipv4_addr'])),
  publish6: mapOf('inet', PORT6, TARGET6),
  publish6_any: mapOf('inet', PORT, TARGET6),
  publish6_range: rangesOf(mapOf('inet', PORT6, ['ipv6_addr'])),
  publish6_any_range: rangesOf(mapOf('inet', PORT, ['ipv6_addr'])),
  /** Ports reachable at the members' own addresses (gateway mode routed, trusted interfaces). */
  open4: setOf('inet', ...PORT4),
  open4_range: rangesOf(setOf('inet', ...PORT4)),
  open6: setOf('inet', ...PORT6),
  open6_range: rangesOf(setOf('inet', ...PORT6)),
  /** Members that publish ports, as pairs of the same address twice: how they reach themselves. */
  self4: setOf('inet', 'ipv4_addr', 'ipv4_addr'),
  self6: setOf('inet', 'ipv6_addr', 'ipv6_addr'),
  /** Host ends of our pairs and the chain that checks what comes from them. */
  members: mapOf('bridge', ['ifname'], 'verdict'),
  /** Senders that a member may be, in IP headers and ARP. */
  sources4: setOf('bridge', 'ifname', 'ether_addr', 'ipv4_addr'),
  sources6: setOf('bridge', 'ifname', 'ether_addr', 'ipv6_addr'),
  /** Addresses that a member may claim in neighbour discovery. */
  targets6: setOf('bridge', 'ifname', 'nd_target'),
} as const satisfies Record<string, NftSet>;

/** The name of a set or map; no name occurs in both tables. */
export type NftSetName = keyof typeof NFT_SETS;

/** Elements to be taken out of and put into one set, as nft texts. Removals come before additions. */
export interface ElementChange {
  readonly set: NftSetName;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

function elementLine(verb: 'add' | 'delete', set: NftSetName, elements: readonly string[]): string[] {
  if (elements.length === 0) return [];
  return [`${verb} element ${NFT_SETS[set].table} ${NFT_TABLE} ${set} { ${elements.join(', ')} }`];
}

/** The changes as lines that nft understands: all removals, then all additions. */
export function formatElementChanges(changes: readonly ElementChange[]): string[] {
  return [
    ...changes.flatMap((change) => elementLine('delete', change.set, change.remove)),
    ...changes.flatMap((change) => elementLine('add', change.set, change.add)),
  ];
}
