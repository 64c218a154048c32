/**
 * Looks that need no kernel: what was made in a transaction just now has a name that nobody else has, so that the
 * kernel can hold nothing of it yet; and of what was taken away it holds what the rows said. That saves a request the
 * look, a quarter of its time. Whatever is otherwise is found by the first Operation that the kernel refuses (links,
 * addresses and names are made exclusively, a link is retired only if it has our alias), and the pass then looks for
 * real; what else is around it is looked at when the kernel tells of the change.
 */
import { mayBeForeign } from '../drivers/bridge.ts';
import type { NamesNeeded, NetnsRef, Observation, Preparation } from '../kernel/contract.ts';
import type { Family } from '../model/address.ts';
import type { Container, NetnsIdentity } from '../model/container.ts';
import type { Endpoint } from '../model/endpoint.ts';
import {
  EMPTY_NETSTATE,
  HOST,
  type Link,
  type NetnsKey,
  type ObservedLink,
  UNTOLD_LINK,
} from '../model/netstate.ts';
import type { Network } from '../model/network.ts';
import type { StoreReader } from '../store/contract.ts';
import {
  type Desired,
  type Drivers,
  driverNetworkOf,
  gatherEndpoint,
  gatherMember,
  gatherNetwork,
  netnsRefOf,
} from './desired.ts';
import { FAMILIES } from './forwarding.ts';
import type { Look } from './observe.ts';

/** A network, or an endpoint, whose rows are being made; or an endpoint whose rows were just removed. */
export type Foreseen =
  | { readonly network: string }
  | { readonly endpoint: string }
  | { readonly departed: Departed };

/** An endpoint that was, with the nouns that it was between. */
export interface Departed {
  readonly container: Container;
  readonly endpoint: Endpoint;
  readonly network: Network;
}

const NOTHING_DESIRED: Desired = Object.freeze({
  host: EMPTY_NETSTATE,
  netns: new Map(),
  vacant: new Map(),
  links: new Set<string>(),
  neighbours: [],
  everything: false,
});

const NOWHERE: Observation = Object.freeze({ host: EMPTY_NETSTATE, netns: new Map(), ownNetns: [] });

/** ifindexes of the two ends of a pair that was not looked at. */
const HOST_INDEX = 1;
const PEER_INDEX = 2;

/** A bridge of the client's naming may be somebody else's, and is then joined instead of made. */
function newNetwork(store: StoreReader, drivers: Drivers, id: string): Look | undefined {
  const network = store.getNetwork(id);
  if (network?.driver !== 'bridge' || mayBeForeign(driverNetworkOf(network))) return undefined;
  const host = gatherNetwork(store, drivers, id);
  return host && { desired: { ...NOTHING_DESIRED, host }, observation: NOWHERE };
}

/** In which families the host forwards for the network's members. */
function forwardedBy({ enableIPv4, enableIPv6, internal }: Network): readonly Family[] {
  const enabled = { ipv4: enableIPv4, ipv6: enableIPv6 };
  return FAMILIES.filter((family) => enabled[family] && !internal);
}

/** Where a running container's namespace is, and which one was seen there; undefined where none was. */
function seenNetns(container: Container): { ref: NetnsRef; identity: NetnsIdentity } | undefined {
  const ref = netnsRefOf(container);
  const { identity, state } = container;
  return state !== 'running' || ref === undefined || identity === undefined ? undefined : { ref, identity };
}

/**
 * Only a container's first endpoint in a namespace that was seen, and only when the host forwards for other members
 * already: the switch of a family that gets its first one has to be read before it is touched.
 */
function firstEndpoint(store: StoreReader, drivers: Drivers, id: string): Look | undefined {
  const endpoint = store.getEndpoint(id);
  const container = endpoint && store.getContainer(endpoint.containerId);
  const network = endpoint && store.getNetwork(endpoint.networkId);
  if (container === undefined || network === undefined || endpoint?.veth === '') return undefined;
  const netnsSeen = seenNetns(container);
  if (netnsSeen === undefined) return undefined;
  const { ref, identity } = netnsSeen;
  if (store.listEndpointsOfContainer(container.id).length > 1) return undefined;
  if (!forwardedBy(network).every((family) => store.hasForwardedMember(family, id))) return undefined;
  const netns = new Map([[container.id, gatherMember(store, drivers, container, ref)]]);
  const seen = new Map([[container.id, { status: 'present', identity, state: EMPTY_NETSTATE } as const]]);
  return { desired: { ...NOTHING_DESIRED, netns }, observation: { ...NOWHERE, netns: seen } };
}

/** A link as the rows say that it is; the numbers tell that two ends are a pair. */
function asObserved(link: Link, ifindex: number, peerIndex: number): ObservedLink {
  const { ifname, kind, alias, up, mac, mtu, addrGenMode } = link;
  return { ...UNTOLD_LINK, ifname, kind, alias, up, mac, mtu, addrGenMode, ifindex, peerIndex };
}

/**
 * Only where the container's rows went with its last endpoint, so that nothing of ours is wanted in its namespace any
 * more, and only when the host goes on forwarding for others.
 */
function lastEndpoint(store: StoreReader, drivers: Drivers, departed: Departed): Look | undefined {
  const { container, endpoint, network } = departed;
  const netnsSeen = seenNetns(container);
  if (netnsSeen === undefined) return undefined;
  const { ref, identity } = netnsSeen;
  if (endpoint.veth === '' || endpoint.ports.length > 0 || store.getContainer(container.id) !== undefined)
    return undefined;
  if (!forwardedBy(network).every((family) => store.hasForwardedMember(family))) return undefined;
  const attachment = { endpoint, network: driverNetworkOf(network) };
  const { inside, outside } = gatherEndpoint(store, drivers, container, ref, attachment);
  const [host, peer] = [outside, inside].map(({ links }) => links.find(({ kind }) => kind === 'veth'));
  if (host === undefined || peer === undefined) return undefined;
  const state = { ...EMPTY_NETSTATE, links: [asObserved(peer, PEER_INDEX, HOST_INDEX)] };
  const neighbours = outside.neighbours.map((entry) => ({ ...entry, ours: true }));
  return {
    desired: { ...NOTHING_DESIRED, vacant: new Map([[container.id, ref]]) },
    observation: {
      host: { ...EMPTY_NETSTATE, links: [asObserved(host, HOST_INDEX, PEER_INDEX)], neighbours },
      netns: new Map([[container.id, { status: 'present', identity, state }]]),
      ownNetns: [],
    },
  };
}

/** What the kernel thread can make ready before the rows are committed; undefined where that is nothing. */
export function preparationFor({ desired, observation }: Look): Preparation | undefined {
  const netns = new Map<NetnsKey, { readonly ref: NetnsRef; readonly identity: NetnsIdentity }>();
  const names = new Map<NetnsKey, NamesNeeded>();
  const refs = [...desired.vacant, ...[...desired.netns].map(([key, { ref }]) => [key, ref] as const)];
  for (const [key, ref] of refs) {
    const found = observation.netns.get(key);
    if (found?.status !== 'present') continue;
    netns.set(key, { ref, identity: found.identity });
    names.set(key, { index: [], whole: found.state.links.map(({ ifname }) => ifname) });
  }
  const masters = [...desired.netns.values()].flatMap(({ outside }) =>
    outside.links.map(({ master }) => master),
  );
  names.set(HOST, { index: masters, whole: observation.host.links.map(({ ifname }) => ifname) });
  return netns.size === 0 ? undefined : { netns, names };
}

/** What a look for what is foreseen would show, if that is sure enough to do without. Synchronous. */
export function presume(store: StoreReader, drivers: Drivers, foreseen: Foreseen): Look | undefined {
  if ('network' in foreseen) return newNetwork(store, drivers, foreseen.network);
  if ('endpoint' in foreseen) return firstEndpoint(store, drivers, foreseen.endpoint);
  return lastEndpoint(store, drivers, foreseen.departed);
}
