/** What a stopped container asked for on a network that it is no longer on: kept, to be asked for again at its start. */
import { type Address, formatAddress } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint, EndpointSpec, PortSpec, PublishedPort } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { StoreReader } from '../store/contract.ts';

function textOf(address: Address | undefined): string {
  return address === undefined ? '' : formatAddress(address);
}

function portSpecOf(port: PublishedPort): PortSpec {
  const range = (first: number, last: number): string => (first === last ? `${first}` : `${first}-${last}`);
  return {
    protocol: port.protocol,
    containerPort: range(port.containerPort, port.containerPortEnd),
    hostAddress: textOf(port.hostAddress),
    hostPort: range(port.hostPort, port.hostPortEnd),
  };
}

/** What was asked for when the endpoint was made. */
function specOf(endpoint: Endpoint): EndpointSpec {
  const { asked, askedMac, aliases, links, driverOpts, gwPriority, ports } = endpoint;
  return {
    ipv4: textOf(asked.ipv4),
    ipv6: textOf(asked.ipv6),
    linkLocal: asked.linkLocal.map(formatAddress),
    mac: askedMac,
    aliases,
    links,
    driverOpts,
    gwPriority,
    ports: ports.map(portSpecOf),
  };
}

/** The stopped container with the endpoint's network to be joined again at start, by the same wishes. */
export function waitingFor(container: Container, networkName: string, endpoint: Endpoint): Container {
  return { ...container, pending: { ...container.pending, [networkName]: specOf(endpoint) } };
}

/** The container without its wishes for that network; itself when it has none. */
export function withoutWish(reader: StoreReader, container: Container, network: Network): Container {
  const wishes = Object.entries(container.pending);
  const rest = wishes.filter(([term]) => reader.matchNetwork(term).match?.id !== network.id);
  return rest.length === wishes.length ? container : { ...container, pending: Object.fromEntries(rest) };
}
