/** The set elements that one network or one endpoint adds to the rules, as nft texts. */
import { type Address, addressFromBytes, type Family, formatAddress, macToBytes } from '../model/address.ts';
import type { PublishedPort } from '../model/endpoint.ts';
import type { GatewayMode } from '../model/network.ts';
import type { NftSetName } from '../model/nft-sets.ts';
import type { FirewallEndpoint, FirewallNetwork } from './input.ts';
import type { SetElements } from './skeleton.ts';

/** One element and the set that it belongs to. */
type Element = readonly [set: NftSetName, text: string];

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];
const DIGIT = { ipv4: '4', ipv6: '6' } as const;

function isEnabled(network: FirewallNetwork, family: Family): boolean {
  return family === 'ipv4' ? network.enableIPv4 : network.enableIPv6;
}

function modeOf(network: FirewallNetwork, family: Family): GatewayMode {
  return family === 'ipv4' ? network.options.gatewayModeIpv4 : network.options.gatewayModeIpv6;
}

function isNat(mode: GatewayMode): boolean {
  return mode === 'nat' || mode === 'nat-unprotected';
}

// The last line of defence of the script's grammar: what comes here passed the model's check long ago.
function ifnameText(ifname: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(ifname)) throw new Error(`not an interface name: ${ifname}`);
  return `"${ifname}"`;
}

function groupElements(elements: Iterable<Element>): SetElements {
  const bySet = new Map<NftSetName, Set<string>>();
  for (const [set, text] of elements) {
    const texts = bySet.get(set) ?? new Set();
    bySet.set(set, texts.add(text));
  }
  return new Map([...bySet].map(([set, texts]) => [set, [...texts].sort()]));
}

const INTO: Record<GatewayMode, string> = {
  nat: 'goto into_nat',
  'nat-unprotected': 'goto into_unprotected',
  routed: 'goto into_routed',
  isolated: 'drop',
};

function intoVerdict(network: FirewallNetwork, family: Family): string {
  return isEnabled(network, family) ? INTO[modeOf(network, family)] : 'drop';
}

function translationElements(network: FirewallNetwork, family: Family): Element[] {
  if (!isEnabled(network, family) || !isNat(modeOf(network, family))) return [];
  const bridge = ifnameText(network.bridge);
  const source = family === 'ipv4' ? network.options.hostIpv4 : network.options.hostIpv6;
  const masqueraded: Element[] = network.options.masquerade ? [['masqueraded', `${family} . ${bridge}`]] : [];
  if (source === undefined || !network.options.masquerade) return masqueraded;
  return [...masqueraded, [`snat${DIGIT[family]}`, `${bridge} : ${formatAddress(source)}`]];
}

function outsideElements(network: FirewallNetwork): Element[] {
  const bridge = ifnameText(network.bridge);
  return [
    ...FAMILIES.map((family): Element => ['into', `${family} . ${bridge} : ${intoVerdict(network, family)}`]),
    ...FAMILIES.flatMap((family) => translationElements(network, family)),
    ...network.options.trustedHostInterfaces.map(
      (ifname): Element => ['trusted', `${ifnameText(ifname)} . ${bridge}`],
    ),
  ];
}

/** What a network adds. Throws a plain Error for a device name outside the grammar. */
export function networkElements(network: FirewallNetwork): SetElements {
  const bridge = ifnameText(network.bridge);
  return groupElements([
    ['bridges', bridge],
    ['within', `${bridge} . ${bridge}`],
    ...(network.options.icc ? [] : [['no_icc', bridge] as const]),
    ...(network.internal ? [['internal', bridge] as const] : outsideElements(network)),
  ]);
}

// RFC 4291 appendix A: how the kernel makes the link-local address of an interface from its MAC (eui64).
function linkLocalOf(mac: string): Address {
  const bytes = macToBytes(mac);
  const prefix = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, (bytes[0] ?? 0) ^ 2];
  return addressFromBytes(Uint8Array.from([...prefix, ...bytes.slice(1, 3), 0xff, 0xfe, ...bytes.slice(3)]));
}

function addressesOf(endpoint: FirewallEndpoint, family: Family): Address[] {
  const own = family === 'ipv4' ? endpoint.ipv4 : endpoint.ipv6;
  const others = endpoint.linkLocal.filter((address) => address.family === family);
  const derived = family === 'ipv6' ? [linkLocalOf(endpoint.mac)] : [];
  return [...(own === undefined ? [] : [own]), ...others, ...derived];
}

function senderElements(endpoint: FirewallEndpoint, family: Family): Element[] {
  const veth = ifnameText(endpoint.veth);
  return addressesOf(endpoint, family).flatMap((address): Element[] => {
    const source: Element = [
      `sources${DIGIT[family]}`,
      `${veth} . ${endpoint.mac} . ${formatAddress(address)}`,
    ];
    if (family === 'ipv4') return [source];
    return [source, ['targets6', `${veth} . 0x${address.value.toString(16).padStart(32, '0')}`]];
  });
}

function memberElements(network: FirewallNetwork, endpoint: FirewallEndpoint): Element[] {
  const veth = ifnameText(endpoint.veth);
  const enabled = FAMILIES.filter((family) => isEnabled(network, family));
  const suffix = enabled.length === 2 ? 'both' : (enabled[0] ?? 'both');
  if (network.options.spoofcheck) {
    const senders = enabled.flatMap((family) => senderElements(endpoint, family));
    return [['members', `${veth} : goto checked_${suffix}`], ...senders];
  }
  return suffix === 'both' ? [] : [['members', `${veth} : goto unchecked_${suffix}`]];
}

function isAny(address: Address): boolean {
  return address.value === 0n;
}

/** Whether the port is published to the family: its host address is of it, or it has none. */
function concerns(port: PublishedPort, family: Family): boolean {
  return port.hostAddress === undefined || port.hostAddress.family === family;
}

function rangeText(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

// nft cannot say "the n-th port of the range", but a translation without a port keeps the packet's: a range
// whose numbers are the same on both sides is one element, a shifted one an element a port.
function publishElements(port: PublishedPort, member: Address): Element[] {
  const { hostAddress } = port;
  const any = hostAddress === undefined || isAny(hostAddress);
  const set = `publish${DIGIT[member.family]}${any ? '_any' : ''}` as const;
  const head = `${any ? '' : `${formatAddress(hostAddress)} . `}${port.protocol} . `;
  const target = formatAddress(member);
  const count = port.hostPortEnd - port.hostPort + 1;
  if (count > 1 && port.hostPort === port.containerPort) {
    return [[`${set}_range`, `${head}${rangeText(port.hostPort, port.hostPortEnd)} : ${target}`]];
  }
  return Array.from({ length: count }, (_, offset) => [
    set,
    `${head}${port.hostPort + offset} : ${target} . ${port.containerPort + offset}`,
  ]);
}

function natElements(port: PublishedPort, member: Address): Element[] {
  const self = formatAddress(member);
  return [...publishElements(port, member), [`self${DIGIT[member.family]}`, `${self} . ${self}`]];
}

function openElements(port: PublishedPort, member: Address): Element[] {
  const range = rangeText(port.containerPort, port.containerPortEnd);
  const set = `open${DIGIT[member.family]}${range.includes('-') ? '_range' : ''}` as const;
  return [[set, `${formatAddress(member)} . ${port.protocol} . ${range}`]];
}

function portElements(network: FirewallNetwork, port: PublishedPort, member: Address): Element[] {
  const mode = modeOf(network, member.family);
  const open = mode === 'routed' || (mode === 'nat' && network.options.trustedHostInterfaces.length > 0);
  return [...(isNat(mode) ? natElements(port, member) : []), ...(open ? openElements(port, member) : [])];
}

function publicationElements(network: FirewallNetwork, endpoint: FirewallEndpoint): Element[] {
  if (network.internal) return [];
  const members = [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== undefined);
  return endpoint.ports.flatMap((port) =>
    members
      .filter((member) => concerns(port, member.family))
      .flatMap((member) => portElements(network, port, member)),
  );
}

/** What an endpoint of that network adds. Throws a plain Error for a device name outside the grammar. */
export function endpointElements(network: FirewallNetwork, endpoint: FirewallEndpoint): SetElements {
  return groupElements([...memberElements(network, endpoint), ...publicationElements(network, endpoint)]);
}
