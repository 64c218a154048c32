/**
 * The rules: constant text but for one switch. Everything that differs between networks and endpoints is an
 * element of a set or map, so that a packet meets the same few lookups with one network or five hundred.
 */
import { NFT_SETS, NFT_TABLE, type NftField, type NftSet, type NftSetName } from '../model/nft-sets.ts';

/** A chain: its name and its lines. */
type Chain = readonly [name: string, ...lines: readonly string[]];

// What nft reads from a packet for a field that no data type stands for: `icmpv6 taddr` needs nft 1.0.7.
const ND_TARGET = '@th,64,128';

const PUBLISH: Chain = [
  'publish',
  'dnat ip to ip daddr . meta l4proto . th dport map @publish4',
  'dnat ip to ip daddr . meta l4proto . th dport map @publish4_range',
  'dnat ip to meta l4proto . th dport map @publish4_any',
  'dnat ip to meta l4proto . th dport map @publish4_any_range',
  'dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6',
  'dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6_range',
  'dnat ip6 to meta l4proto . th dport map @publish6_any',
  'dnat ip6 to meta l4proto . th dport map @publish6_any_range',
];

// Reached by what is sent to a member's own address. Packets for a published port carry `ct status dnat`; who
// went around NAT does not, whatever address and port it names.
const INTO: readonly Chain[] = [
  [
    'open',
    'ip daddr . meta l4proto . th dport @open4 accept',
    'ip daddr . meta l4proto . th dport @open4_range accept',
    'ip6 daddr . meta l4proto . th dport @open6 accept',
    'ip6 daddr . meta l4proto . th dport @open6_range accept',
  ],
  ['within', 'ct status dnat accept', 'iifname @no_icc drop', 'accept'],
  ['into_nat', 'ct status dnat accept', 'iifname . oifname @trusted jump open', 'drop'],
  ['into_unprotected', 'ct status dnat accept', 'iifname @bridges drop', 'accept'],
  ['into_routed', 'iifname != @bridges meta l4proto { icmp, icmpv6 } accept', 'jump open', 'drop'],
];

// Forwarding was off before us: between interfaces that are not ours it stays so. Another program that came later
// found it on; what it translates, and what comes from its bridges, is its business.
const GUARD: Chain = [
  'guard',
  'meta nfproto @shared ct status dnat accept',
  'meta nfproto @shared meta iifkind "bridge" accept',
  'drop',
];

// `within` comes first: where net.bridge.bridge-nf-call-iptables is 1, frames between two members of one bridge
// pass here too, with both names the bridge's.
const FORWARD: Chain = [
  'forward',
  'type filter hook forward priority filter; policy accept;',
  'iifname . oifname @within goto within',
  'iifname @internal drop',
  'oifname @internal drop',
  'ct state established,related accept',
  'ct state invalid meta nfproto . iifname @masqueraded drop',
  'meta nfproto . oifname vmap @into',
  'iifname @bridges accept',
  'meta nfproto @guarded goto guard',
];

const INET_BASE: readonly Chain[] = [
  // route_localnet is on for bridges with published ports; nobody on a bridge may use it.
  [
    'martians',
    'type filter hook prerouting priority raw; policy accept;',
    'ip daddr 127.0.0.0/8 iifname @bridges drop',
  ],
  // Without the first line, a port published on 127.0.0.1 would be open to the LAN.
  [
    'prerouting',
    'type nat hook prerouting priority dstnat; policy accept;',
    'ip daddr 127.0.0.0/8 return',
    'fib daddr type local goto publish',
  ],
  // ::1 cannot be translated: the answer would come to ::1 by a bridge, and the kernel has no route_localnet for
  // IPv6. Left alone it is refused at once, and whoever asks `localhost` goes on with 127.0.0.1.
  [
    'output',
    'type nat hook output priority -100; policy accept;',
    'ip6 daddr ::1 return',
    'fib daddr type local goto publish',
  ],
  [
    'from_internal',
    'ct state established,related accept',
    'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
    'drop',
  ],
  ['input', 'type filter hook input priority filter; policy accept;', 'iifname @internal goto from_internal'],
  // After the loopback's come the hairpins: without the host's address as source, the answer would go straight to
  // the asking member, past the translation. Where bridged frames pass the hooks (see `forward`), the kernel
  // sends a translated packet on as a frame, without the name of an input interface; then only a member that
  // asks itself needs another source.
  [
    'postrouting',
    'type nat hook postrouting priority srcnat; policy accept;',
    'ip saddr 127.0.0.0/8 oifname @bridges masquerade',
    'iifname . oifname @within ct status dnat masquerade',
    'ct status dnat ip saddr . ip daddr @self4 masquerade',
    'ct status dnat ip6 saddr . ip6 daddr @self6 masquerade',
    'snat ip to iifname map @snat4',
    'snat ip6 to iifname map @snat6',
    'meta nfproto . iifname @masqueraded masquerade',
  ],
];

// DHCP is told by the client's port alone: clients do not look at the server's.
const SENDERS: readonly Chain[] = [
  ['sender_ipv4', 'udp dport 68 drop', 'iifname . ether saddr . ip saddr @sources4 accept', 'drop'],
  [
    'sender_arp',
    'arp saddr ip 0.0.0.0 accept',
    'iifname . arp saddr ether . arp saddr ip != @sources4 drop',
    'iifname . ether saddr . arp saddr ip @sources4 accept',
    'drop',
  ],
  // Options can push what a packet carries out of its first fragment (RFC 7113 §2): then nobody can tell whether it is
  // a router's. No honest stack makes such ones (RFC 7112).
  ['first_fragment', 'th sport 0-65535 return', 'drop'],
  [
    'sender_ipv6',
    'icmpv6 type { nd-router-advert, nd-redirect } drop',
    'frag frag-off 0 jump first_fragment',
    'udp dport 546 drop',
    `icmpv6 type nd-neighbor-advert iifname . ${ND_TARGET} != @targets6 drop`,
    'iifname . ether saddr . ip6 saddr @sources6 accept',
    `ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . ${ND_TARGET} @targets6 accept`,
    'ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept',
    'drop',
  ],
];

function checkedChain(name: string, protocols: readonly [etherType: string, verdict: string][]): Chain {
  const entries = protocols.map(([etherType, verdict]) => `${etherType} : ${verdict}`);
  return [name, `ether type vmap { ${entries.join(', ')} }`];
}

const ONLY_IPV4: [string, string][] = [
  ['ip', 'goto sender_ipv4'],
  ['arp', 'goto sender_arp'],
];
const ONLY_IPV6: [string, string][] = [['ip6', 'goto sender_ipv6']];
const DROP_IPV4: [string, string][] = [
  ['ip', 'drop'],
  ['arp', 'drop'],
];
const DROP_IPV6: [string, string][] = [['ip6', 'drop']];
// A tag hides what it wraps, and a receiver takes VLAN 0 for no tag at all.
const DROP_TAGGED: [string, string][] = [
  ['8021q', 'drop'],
  ['8021ad', 'drop'],
];

const MEMBERS: readonly Chain[] = [
  checkedChain('checked_ipv4', [...ONLY_IPV4, ...DROP_IPV6, ...DROP_TAGGED]),
  checkedChain('checked_ipv6', [...ONLY_IPV6, ...DROP_IPV4, ...DROP_TAGGED]),
  checkedChain('checked_both', [...ONLY_IPV4, ...ONLY_IPV6, ...DROP_TAGGED]),
  checkedChain('unchecked_ipv4', DROP_IPV6),
  checkedChain('unchecked_ipv6', DROP_IPV4),
  ['prerouting', 'type filter hook prerouting priority filter; policy accept;', 'iifname vmap @members'],
];

// A set that no data type can describe is declared by the expressions that are looked up in it.
function keyDeclaration(key: readonly NftField[]): string {
  if (!key.includes('nd_target')) return `type ${key.join(' . ')}`;
  const expressions: Partial<Record<NftField, string>> = { ifname: 'iifname', nd_target: ND_TARGET };
  return `typeof ${key.map((field) => expressions[field] ?? field).join(' . ')}`;
}

function setLines(name: string, set: NftSet, elements: readonly string[]): string[] {
  const value = typeof set.value === 'string' ? set.value : set.value?.join(' . ');
  return [
    `  ${set.value === undefined ? 'set' : 'map'} ${name} {`,
    `    ${keyDeclaration(set.key)}${value === undefined ? '' : ` : ${value}`}`,
    ...(set.interval ? ['    flags interval'] : []),
    ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(',\n      ')} }`]),
    '  }',
  ];
}

function chainLines([name, ...lines]: Chain): string[] {
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }'];
}

/** The elements of each set; sets that are not named are empty. */
export type SetElements = ReadonlyMap<NftSetName, readonly string[]>;

function tableLines(family: NftSet['table'], chains: readonly Chain[], elements: SetElements): string[] {
  const sets = Object.keys(NFT_SETS).filter((name): name is NftSetName => name in NFT_SETS);
  return [
    // Adding first makes deleting safe where there is no such table; deleting alone would fail.
    `add table ${family} ${NFT_TABLE}`,
    `delete table ${family} ${NFT_TABLE}`,
    `table ${family} ${NFT_TABLE} {`,
    ...sets
      .filter((name) => NFT_SETS[name].table === family)
      .flatMap((name) => setLines(name, NFT_SETS[name], elements.get(name) ?? [])),
    ...chains.flatMap(chainLines),
    '}',
  ];
}

/** Both tables as one nft script that puts them in place of what was there, in one transaction. */
export function renderTables(elements: SetElements): string {
  const inet = [PUBLISH, ...INTO, GUARD, ...INET_BASE, FORWARD];
  return [
    ...tableLines('inet', inet, elements),
    ...tableLines('bridge', [...SENDERS, ...MEMBERS], elements),
    '',
  ].join('\n');
}

/** The nft script that removes both tables, whether they are there or not. */
export function renderRemoval(): string {
  return (['inet', 'bridge'] as const)
    .flatMap((family) => [`add table ${family} ${NFT_TABLE}`, `delete table ${family} ${NFT_TABLE}`, ''])
    .join('\n');
}
