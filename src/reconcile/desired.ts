/** Desired state: rows of the store → drivers → what each namespace of a scope should hold. */

import { aliasOf, bridgeName } from '../drivers/bridge.ts';
import { type Attachment, defaultRoutes } from '../drivers/default-route.ts';
import type { Driver, DriverNetwork } from '../drivers/driver.ts';
import { messageOf, VethdError } from '../errors.ts';
import { needsRouteLocalnet } from '../firewall/ports.ts';
import type { NetnsRef } from '../kernel/contract.ts';
import { parseBridgeOptions } from '../model/bridge-options.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import {
  EMPTY_NETSTATE,
  type Link,
  type Neighbour,
  type NetnsKey,
  type NetState,
} from '../model/netstate.ts';
import type { DriverName, Network } from '../model/network.ts';
import type { StoreReader } from '../store/contract.ts';
import { forwardingSysctls } from './forwarding.ts';
import type { Scope } from './scope.ts';

/** A namespace in which a container should be plumbed. */
export interface DesiredNetns {
  readonly ref: NetnsRef;
  /** The name to bind it at when it is ours to make; undefined when it is somebody else's. */
  readonly managedName: string | undefined;
  /** The one namespace that it may be (path, pid); undefined if a new one under the name will do. */
  readonly identity: NetnsIdentity | undefined;
  readonly inside: NetState;
  /** What the host holds for this container: its veths and their entries. */
  readonly outside: NetState;
}

/** What a scope should look like. */
export interface Desired {
  /** What the host holds for networks. */
  readonly host: NetState;
  readonly netns: ReadonlyMap<NetnsKey, DesiredNetns>;
  /** Namespaces to look at in which nothing of ours should be. */
  readonly vacant: ReadonlyMap<NetnsKey, NetnsRef>;
  /** Host links to look at, besides those in `host` and `outside`. */
  readonly links: ReadonlySet<string>;
  /** Host neighbour entries to look for, besides the desired ones. */
  readonly neighbours: readonly Neighbour[];
  readonly everything: boolean;
}

/** Drivers by the name that networks carry. */
export type Drivers = Readonly<Record<DriverName, Driver>>;

/** The members of several states, one after the other. */
export function mergeStates(states: Iterable<NetState>): NetState {
  const merged = { links: [], addresses: [], routes: [], neighbours: [], fdb: [], sysctls: [] } as {
    -readonly [Key in keyof NetState]: NetState[Key][number][];
  };
  for (const state of states) {
    merged.links.push(...state.links);
    merged.addresses.push(...state.addresses);
    merged.routes.push(...state.routes);
    merged.neighbours.push(...state.neighbours);
    merged.fdb.push(...state.fdb);
    merged.sysctls.push(...state.sysctls);
  }
  return merged;
}

/** How to find a container's own namespace; undefined where it has none of its own (host, shared). */
export function netnsRefOf(container: Container): NetnsRef | undefined {
  const { source } = container;
  switch (source.kind) {
    case 'managed':
    case 'named':
      return { kind: 'name', name: source.netnsName };
    case 'path':
      return { kind: 'path', path: source.path };
    case 'pid':
      return { kind: 'pid', pid: source.pid, startTime: source.startTime };
    case 'host':
    case 'shared':
      return undefined;
  }
}

/** By the noun, which the store keeps as long as its row stays: a connect asks six times. */
const parsedNetworks = new WeakMap<Network, DriverNetwork>();

/**
 * A network with its options parsed. They passed the same parser, told the same, when the network was made: what does
 * not pass now is a fault of ours or of the database. Throws `internal`, naming the network, as nothing can be planned
 * beside what cannot be read.
 */
export function driverNetworkOf(network: Network): DriverNetwork {
  const known = parsedNetworks.get(network);
  if (known !== undefined) return known;
  try {
    const parsed = { network, options: parseBridgeOptions(network.options, network) };
    parsedNetworks.set(network, parsed);
    return parsed;
  } catch (error) {
    const message = `the stored options of network ${network.name} (${network.id.slice(0, 12)}) cannot be read: ${messageOf(error)}`;
    throw new VethdError('internal', message, { cause: error });
  }
}

/** Whether the container ends with its namespace, because nobody can make that one again. */
export function endsWithNetns(container: Container): boolean {
  return container.source.kind === 'path' || container.source.kind === 'pid';
}

/** The alias that marks lo of a namespace made for this container as ours to remove. */
export function netnsAliasOf(containerId: string): string {
  return aliasOf(containerId);
}

/** lo, up. Its alias is set when the namespace is made and never afterwards: a found namespace is not ours. */
function loopback(): Link {
  return {
    ifname: 'lo',
    kind: 'loopback',
    alias: '',
    up: true,
    mac: '',
    mtu: 0,
    addrGenMode: 'eui64',
    master: '',
    port: undefined,
    peer: undefined,
  };
}

/** Ports published on the host's 127.0.0.1 need the bridge to take packets from there. */
function publishing(attachments: readonly Attachment[]): NetState {
  const bridges = attachments
    .filter(({ endpoint }) => needsRouteLocalnet(endpoint.ports))
    .map(({ network }) => bridgeName(network));
  const sysctls = bridges.map((bridge) => ({ key: `ipv4/conf/${bridge}/route_localnet`, value: '1' }));
  return { ...EMPTY_NETSTATE, sysctls };
}

/** Reads rows once per pass and remembers parsed networks. */
class Gatherer {
  readonly #store: StoreReader;
  readonly #drivers: Drivers;
  readonly #networks = new Map<string, DriverNetwork>();

  constructor(store: StoreReader, drivers: Drivers) {
    this.#store = store;
    this.#drivers = drivers;
  }

  network(id: string): DriverNetwork | undefined {
    const known = this.#networks.get(id);
    if (known !== undefined) return known;
    const network = this.#store.getNetwork(id);
    if (network === undefined) return undefined;
    const parsed = driverNetworkOf(network);
    this.#networks.set(id, parsed);
    return parsed;
  }

  networkStates(): NetState[] {
    return [...this.#networks.values()].map((network) =>
      this.#drivers[network.network.driver].hostState(network),
    );
  }

  attachments(endpoints: readonly Endpoint[]): Attachment[] {
    return endpoints.flatMap((endpoint) => {
      const network = this.network(endpoint.networkId);
      return network === undefined ? [] : [{ endpoint, network }];
    });
  }

  netns(container: Container, ref: NetnsRef, attachments: readonly Attachment[]): DesiredNetns {
    const states = attachments.map(({ endpoint, network }) =>
      this.#drivers[network.network.driver].endpointStates(network, endpoint),
    );
    const own = { ...EMPTY_NETSTATE, links: [loopback()], routes: defaultRoutes(attachments) };
    return {
      ref,
      managedName: container.source.kind === 'managed' ? container.source.netnsName : undefined,
      identity: endsWithNetns(container) ? container.identity : undefined,
      // Default routes last: their gateway must be reachable when they are added.
      inside: mergeStates([...states.map((state) => state.container), own]),
      outside: mergeStates([...states.map((state) => state.host), publishing(attachments)]),
    };
  }
}

/** What the container's own namespace should hold, without the networks that it is on. */
export function gatherMember(
  store: StoreReader,
  drivers: Drivers,
  container: Container,
  ref: NetnsRef,
): DesiredNetns {
  const gatherer = new Gatherer(store, drivers);
  return gatherer.netns(container, ref, gatherer.attachments(store.listEndpointsOfContainer(container.id)));
}

/** As `gatherMember`, of one endpoint whose rows may be gone. */
export function gatherEndpoint(
  store: StoreReader,
  drivers: Drivers,
  container: Container,
  ref: NetnsRef,
  attachment: Attachment,
): DesiredNetns {
  return new Gatherer(store, drivers).netns(container, ref, [attachment]);
}

/** What the host should hold for one network, without its members; undefined when it is not stored. */
export function gatherNetwork(store: StoreReader, drivers: Drivers, networkId: string): NetState | undefined {
  const gatherer = new Gatherer(store, drivers);
  const found = gatherer.network(networkId);
  return found && mergeStates(gatherer.networkStates());
}

function containersOf(store: StoreReader, scope: Scope): readonly Container[] {
  if (scope.everything) return store.listContainers();
  return [...scope.containers].flatMap((id) => store.getContainer(id) ?? []);
}

/** What the namespaces of `scope` should hold, by the rows as they are now. Synchronous: one consistent view. */
export function gatherDesired(store: StoreReader, drivers: Drivers, scope: Scope): Desired {
  const gatherer = new Gatherer(store, drivers);
  const netns = new Map<NetnsKey, DesiredNetns>();
  const vacant = new Map<NetnsKey, NetnsRef>(scope.netns);
  const links = new Set<string>(scope.links);
  for (const id of scope.everything ? store.listNetworks().map((network) => network.id) : scope.networks) {
    gatherer.network(id);
  }
  for (const container of containersOf(store, scope)) {
    const ref = netnsRefOf(container);
    if (ref === undefined) continue;
    const endpoints = store.listEndpointsOfContainer(container.id);
    const attachments = gatherer.attachments(endpoints);
    for (const { veth } of endpoints) if (veth !== '') links.add(veth);
    vacant.delete(container.id);
    if (container.state === 'running') netns.set(container.id, gatherer.netns(container, ref, attachments));
    else vacant.set(container.id, ref);
  }
  const switches = { ...EMPTY_NETSTATE, sysctls: forwardingSysctls(store) };
  const host = mergeStates([...gatherer.networkStates(), switches]);
  return { host, netns, vacant, links, neighbours: scope.neighbours, everything: scope.everything };
}
