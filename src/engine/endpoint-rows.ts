/** Making and removing the rows of endpoints: what connect, create, start and remove have in common. */
import { bridgeName, memberNeighbours } from '../drivers/bridge.ts';
import { VethdError } from '../errors.ts';
import { chooseIfname, macOf } from '../ipam/choose.ts';
import { type Address, containsAddress, type Family, sameAddress } from '../model/address.ts';
import type { Container } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { ParsedEndpointSpec } from '../model/endpoint-rules.ts';
import { type Network, type Subnet, subnetOf } from '../model/network.ts';
import { driverNetworkOf, netnsRefOf } from '../reconcile/desired.ts';
import { type Scope, scopeOf } from '../reconcile/scope.ts';
import type { StoreReader, StoreWriter } from '../store/contract.ts';
import type { EventDraft } from './carry-out.ts';
import { type EngineContext, newId } from './context.ts';
import { publishedPorts } from './ports.ts';
import { waitingFor, withoutWish } from './wishes.ts';

/** Linux takes no more ports than this on one bridge (net/bridge/br_private.h: 1 << BR_PORT_BITS, less one). */
const MAX_PORTS = 1023;

function invalidSettings(text: string): VethdError {
  return new VethdError('invalidArgument', `invalid endpoint settings:\n${text}`);
}

/** Refuses wishes that the network cannot fulfil, whatever is taken. */
export function checkWishes(network: Network, spec: ParsedEndpointSpec): void {
  const asked = [spec.ipv4, spec.ipv6].filter((address) => address !== undefined);
  if (network.predefined && asked.length > 0) {
    throw invalidSettings('user-specified IP address is supported on user-defined networks only');
  }
  if (network.predefined && spec.aliases.length > 0) {
    throw invalidSettings('network-scoped aliases are only supported for user-defined networks');
  }
  for (const address of asked) {
    if (!network.subnets.some(({ prefix }) => containsAddress(prefix, address))) {
      const text = address === spec.ipv4 ? spec.askedIpv4 : spec.askedIpv6;
      throw invalidSettings(`no configured subnet contains IP address ${text}`);
    }
  }
}

/** An endpoint of a stopped container that made room for another. */
export interface Displaced {
  readonly network: Network;
  readonly endpoint: Endpoint;
}

/**
 * Takes the address from a container that does not run, which asks for it again at its start: as in Docker, and Compose
 * wants that of the container that it replaces. Undefined when no such one has it.
 */
function displace(writer: StoreWriter, network: Network, address: Address): Displaced | undefined {
  const endpoint = writer
    .listEndpointsOfNetwork(network.id)
    .find(({ ipv4, ipv6 }) => [ipv4, ipv6].some((taken) => taken && sameAddress(taken, address)));
  const container = endpoint && writer.getContainer(endpoint.containerId);
  if (endpoint === undefined || container === undefined || container.state === 'running') return undefined;
  writer.removeEndpoint(endpoint.id);
  writer.updateContainer(waitingFor(container, network.name, endpoint));
  return { network, endpoint };
}

/** Gives those their places again for whom a refused endpoint had none, unless they have moved on. */
export function restoreDisplaced(writer: StoreWriter, displaced: readonly Displaced[]): void {
  for (const { network, endpoint } of displaced) {
    const container = writer.getContainer(endpoint.containerId);
    if (container === undefined || writer.findEndpoint(network.id, container.id) !== undefined) continue;
    writer.updateContainer(withoutWish(writer, container, network));
    restoreEndpoint(writer, network, endpoint);
  }
}

function takeFrom(
  writer: StoreWriter,
  network: Network,
  subnet: Subnet,
  wish: Address | undefined,
  displaced: Displaced[],
): Address | undefined {
  try {
    return writer.takeAddress(network.id, subnet, wish);
  } catch (error) {
    const isTaken = error instanceof VethdError && error.kind === 'forbidden';
    const former = isTaken && wish !== undefined ? displace(writer, network, wish) : undefined;
    if (former === undefined) throw error;
    displaced.push(former);
    return writer.takeAddress(network.id, subnet, wish);
  }
}

function takeAddress(
  writer: StoreWriter,
  network: Network,
  family: Family,
  wish: Address | undefined,
  displaced: Displaced[],
): Address | undefined {
  const subnet = subnetOf(network, family);
  if (subnet === undefined) return undefined;
  const address = takeFrom(writer, network, subnet, wish, displaced);
  if (address !== undefined) return address;
  const name = family === 'ipv4' ? 'IPv4' : 'IPv6';
  throw new VethdError(
    'internal',
    `no available ${name} addresses on this network's address pools: ${network.name} (${network.id})`,
  );
}

/** Names that the container's interfaces must not take: those of its endpoints and those seen in the namespace. */
function takenIfnames(reader: StoreReader, container: Container, seen: ReadonlySet<string>): Set<string> {
  const own = reader.listEndpointsOfContainer(container.id).map(({ ifname }) => ifname);
  return new Set([...own, ...seen]);
}

function ifnameFor(
  reader: StoreReader,
  network: Network,
  container: Container,
  spec: ParsedEndpointSpec,
  seen: ReadonlySet<string>,
): string {
  const taken = takenIfnames(reader, container, seen);
  if (spec.ifname === undefined) return chooseIfname(driverNetworkOf(network).options.ifacePrefix, taken);
  if (!taken.has(spec.ifname)) return spec.ifname;
  throw new VethdError(
    'conflict',
    `interface name ${spec.ifname} is in use in container ${container.name}: choose another`,
  );
}

function freshId(reader: StoreReader): string {
  for (;;) {
    const id = newId();
    // The host end carries 7 digits of the id: rarely, another has the same.
    if (reader.findEndpointByVeth(vethOf(id)) === undefined) return id;
  }
}

function vethOf(id: string): string {
  return `veth${id.slice(0, 7)}`;
}

/**
 * Inserts the endpoint with addresses, MAC, names and ports chosen. `seen`: interfaces now in the namespace. Those who
 * make room for it are added to `displaced`; whoever takes the endpoint back restores them.
 */
export function insertEndpoint(
  context: EngineContext,
  writer: StoreWriter,
  network: Network,
  container: Container,
  spec: ParsedEndpointSpec,
  seen: ReadonlySet<string>,
  displaced: Displaced[] = [],
): Endpoint {
  checkWishes(network, spec);
  const plumbed = network.driver === 'bridge';
  if (plumbed && writer.countEndpointsOfNetwork(network.id) >= MAX_PORTS) {
    throw new VethdError(
      'forbidden',
      `network ${network.name} is full: a Linux bridge takes ${MAX_PORTS} ports; connect to another network`,
    );
  }
  const id = freshId(writer);
  const ipv4 = takeAddress(writer, network, 'ipv4', spec.ipv4, displaced);
  const ipv6 = takeAddress(writer, network, 'ipv6', spec.ipv6, displaced);
  const endpoint: Endpoint = {
    id,
    networkId: network.id,
    containerId: container.id,
    ordinal: writer.nextOrdinal(),
    veth: plumbed ? vethOf(id) : '',
    ifname: plumbed ? ifnameFor(writer, network, container, spec, seen) : '',
    mac: plumbed ? spec.mac || macOf(ipv4, id) : '',
    ipv4,
    ipv6,
    asked: { ipv4: spec.ipv4, ipv6: spec.ipv6, linkLocal: spec.linkLocal },
    askedMac: spec.mac,
    aliases: spec.aliases,
    links: spec.links,
    driverOpts: spec.driverOpts,
    gwPriority: spec.gwPriority,
    ports: plumbed ? publishedPorts(context, writer, network, spec.ports, container.name) : [],
  };
  writer.insertEndpoint(endpoint);
  return endpoint;
}

/** Inserts an endpoint again just as it was; its addresses may be somebody else's by now. */
export function restoreEndpoint(writer: StoreWriter, network: Network, endpoint: Endpoint): void {
  for (const address of [endpoint.ipv4, endpoint.ipv6]) {
    const subnet = address && subnetOf(network, address.family);
    if (subnet !== undefined) writer.takeAddress(network.id, subnet, address);
  }
  writer.insertEndpoint(endpoint);
}

/** Where the kernel must be looked at when these endpoints of one container come or go. */
export function scopeOfEndpoints(
  container: Container,
  members: readonly { readonly endpoint: Endpoint; readonly network: Network }[],
): Scope {
  const ref = netnsRefOf(container);
  return scopeOf({
    networks: members.map(({ network }) => network.id),
    containers: [container.id],
    endpoints: members.map(({ endpoint }) => endpoint.id),
    links: members.flatMap(({ endpoint, network }) =>
      endpoint.veth === '' ? [] : [endpoint.veth, bridgeName(driverNetworkOf(network))],
    ),
    neighbours: members.flatMap(({ endpoint, network }) =>
      memberNeighbours(driverNetworkOf(network), endpoint),
    ),
    netns: ref === undefined ? [] : [[container.id, ref]],
  });
}

/** The event of a container that joins or leaves a network. */
export function memberEvent(
  action: 'connect' | 'disconnect',
  network: Network,
  container: Container,
): EventDraft {
  return {
    type: 'network',
    action,
    actorId: network.id,
    attributes: { container: container.id, name: network.name, type: network.driver },
  };
}
