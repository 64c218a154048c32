/** Endpoints between Docker's JSON and the engine's words. */

import { isRunning } from '../../engine/running.ts';
import { type Address, type Family, formatAddress } from '../../model/address.ts';
import type { Container } from '../../model/container.ts';
import { dnsNamesOf } from '../../model/dns-names.ts';
import type { AskedAddresses, Endpoint, EndpointSpec } from '../../model/endpoint.ts';
import { type Network, subnetOf } from '../../model/network.ts';
import { checkMap } from '../limits.ts';
import { toPortSpecs } from './ports.ts';
import type { EndpointConfigJson, EndpointSettingsJson } from './schema.ts';

/** A client's wish in the engine's words; nothing is parsed but the map of ports. */
export function fromEndpointConfig(config: EndpointConfigJson = {}): EndpointSpec {
  const { IPAMConfig: ipam = {}, DriverOpts: driverOpts = {} } = config;
  checkMap('DriverOpts', driverOpts);
  return {
    ipv4: ipam.IPv4Address ?? '',
    ipv6: ipam.IPv6Address ?? '',
    linkLocal: ipam.LinkLocalIPs ?? [],
    mac: config.MacAddress ?? '',
    aliases: config.Aliases ?? [],
    links: config.Links ?? [],
    driverOpts,
    gwPriority: config.GwPriority ?? 0,
    ports: toPortSpecs(config.PortBindings),
  };
}

function text(address: Address | undefined): string {
  return address === undefined ? '' : formatAddress(address);
}

/** Length of the subnet that an endpoint's address is in; 0 without one. */
function lengthOf(network: Network, family: Family): number {
  return subnetOf(network, family)?.prefix.length ?? 0;
}

/** `address/length` of an endpoint; `''` where it has none. */
export function addressWithLength(endpoint: Endpoint, network: Network, family: Family): string {
  const address = endpoint[family];
  return address === undefined ? '' : `${formatAddress(address)}/${lengthOf(network, family)}`;
}

// Names of auxiliary addresses that stand for the bridge as the members' default gateway (Docker's).
const AUX_GATEWAY: Record<Family, string> = { ipv4: 'DefaultGatewayIPv4', ipv6: 'DefaultGatewayIPv6' };

function gatewayText(endpoint: Endpoint, network: Network, family: Family): string {
  const subnet = subnetOf(network, family);
  if (network.internal || endpoint[family] === undefined) return '';
  return text(subnet?.aux[AUX_GATEWAY[family]] ?? subnet?.gateway);
}

/** What was asked for; null when nothing was. */
function toIpamConfig({ ipv4, ipv6, linkLocal }: AskedAddresses): EndpointSettingsJson['IPAMConfig'] {
  if (ipv4 === undefined && ipv6 === undefined && linkLocal.length === 0) return null;
  return {
    ...(ipv4 !== undefined && { IPv4Address: formatAddress(ipv4) }),
    ...(ipv6 !== undefined && { IPv6Address: formatAddress(ipv6) }),
    ...(linkLocal.length > 0 && { LinkLocalIPs: linkLocal.map(formatAddress) }),
  };
}

function operational(endpoint: Endpoint, network: Network) {
  return {
    MacAddress: endpoint.mac,
    Gateway: gatewayText(endpoint, network, 'ipv4'),
    IPAddress: text(endpoint.ipv4),
    IPPrefixLen: endpoint.ipv4 === undefined ? 0 : lengthOf(network, 'ipv4'),
    IPv6Gateway: gatewayText(endpoint, network, 'ipv6'),
    GlobalIPv6Address: text(endpoint.ipv6),
    GlobalIPv6PrefixLen: endpoint.ipv6 === undefined ? 0 : lengthOf(network, 'ipv6'),
  };
}

const NOT_OPERATIONAL = {
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
};

/** The names that the network resolves; predefined networks have none. */
function toDnsNames(
  container: Container,
  endpoint: Pick<Endpoint, 'aliases'>,
  network: Network,
): string[] | null {
  return network.predefined ? null : dnsNamesOf(container, endpoint);
}

/** Below 1.45 the short id was shown among the aliases, because clients resolved it. */
function toAliases(
  container: Container,
  endpoint: Endpoint,
  network: Network,
  minor: number,
): string[] | null {
  const short = container.id.slice(0, 12);
  const added = minor < 45 && !network.predefined && !endpoint.aliases.includes(short) ? [short] : [];
  const aliases = [...endpoint.aliases, ...added];
  return aliases.length === 0 ? null : aliases;
}

/** An endpoint as inspect shows it to a client of version 1.`minor`. */
export function toEndpointSettings(
  container: Container,
  { endpoint, network }: { readonly endpoint: Endpoint; readonly network: Network },
  minor: number,
): EndpointSettingsJson {
  const runs = isRunning(container);
  const hasOptions = Object.keys(endpoint.driverOpts).length > 0;
  return {
    IPAMConfig: toIpamConfig(endpoint.asked),
    Links: endpoint.links.length === 0 ? null : [...endpoint.links],
    Aliases: toAliases(container, endpoint, network, minor),
    DriverOpts: hasOptions ? { ...endpoint.driverOpts } : null,
    NetworkID: network.id,
    EndpointID: runs ? endpoint.id : '',
    ...(runs ? operational(endpoint, network) : { ...NOT_OPERATIONAL, MacAddress: endpoint.askedMac }),
    ...(minor >= 48 && { GwPriority: endpoint.gwPriority }),
    ...(minor >= 44 && { DNSNames: toDnsNames(container, endpoint, network) }),
  };
}

/** What a stopped container shows of a network that is not there yet: the wish alone. */
export function toPendingSettings(spec: EndpointSpec, minor: number): EndpointSettingsJson {
  const { ipv4, ipv6, linkLocal } = spec;
  const asked = {
    ...(ipv4 !== '' && { IPv4Address: ipv4 }),
    ...(ipv6 !== '' && { IPv6Address: ipv6 }),
    ...(linkLocal.length > 0 && { LinkLocalIPs: [...linkLocal] }),
  };
  return {
    IPAMConfig: Object.keys(asked).length === 0 ? null : asked,
    Links: spec.links.length === 0 ? null : [...spec.links],
    Aliases: spec.aliases.length === 0 ? null : [...spec.aliases],
    DriverOpts: Object.keys(spec.driverOpts).length === 0 ? null : { ...spec.driverOpts },
    NetworkID: '',
    EndpointID: '',
    ...NOT_OPERATIONAL,
    MacAddress: spec.mac,
    ...(minor >= 48 && { GwPriority: spec.gwPriority }),
    ...(minor >= 44 && { DNSNames: null }),
  };
}
