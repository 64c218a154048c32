/**
 * Looks that need no kernel: what was made in a transaction just now has a name that nobody else has, so that the
 * kernel can hold nothing of it yet. That saves a request the look, a quarter of its time. Whatever is otherwise is
 * found by the first Operation that the kernel refuses (links, addresses and names are made exclusively), and the
 * pass then looks for real; what else is around it is looked at when the kernel tells of the change.
 */
import { mayBeForeign } from '../drivers/bridge.ts';
import type { Observation } from '../kernel/contract.ts';
import { EMPTY_NETSTATE } from '../model/netstate.ts';
import type { StoreReader } from '../store/contract.ts';
import {
  type Desired,
  type Drivers,
  driverNetworkOf,
  gatherMember,
  gatherNetwork,
  netnsRefOf,
} from './desired.ts';
import { FAMILIES } from './forwarding.ts';

/** A network, or an endpoint, whose rows are being made. */
export type Newborn = { readonly network: string } | { readonly endpoint: string };

/** What should be, and what is. */
export interface Look {
  readonly desired: Desired;
  readonly observation: Observation;
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

/** A bridge of the client's naming may be somebody else's, and is then joined instead of made. */
function newNetwork(store: StoreReader, drivers: Drivers, id: string): Look | undefined {
  const network = store.getNetwork(id);
  if (network?.driver !== 'bridge' || mayBeForeign(driverNetworkOf(network))) return undefined;
  const host = gatherNetwork(store, drivers, id);
  return host && { desired: { ...NOTHING_DESIRED, host }, observation: NOWHERE };
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
  const { identity } = container;
  const ref = netnsRefOf(container);
  if (container.state !== 'running' || identity === undefined || ref === undefined) return undefined;
  if (store.listEndpointsOfContainer(container.id).length > 1) return undefined;
  const enabled = { ipv4: network.enableIPv4, ipv6: network.enableIPv6 };
  const forwarded = FAMILIES.filter((family) => enabled[family] && !network.internal);
  if (!forwarded.every((family) => store.hasForwardedMember(family, id))) return undefined;
  const netns = new Map([[container.id, gatherMember(store, drivers, container, ref)]]);
  const seen = new Map([[container.id, { status: 'present', identity, state: EMPTY_NETSTATE } as const]]);
  return { desired: { ...NOTHING_DESIRED, netns }, observation: { ...NOWHERE, netns: seen } };
}

/** What a look for the newborn would show, if that is sure enough to do without. Synchronous. */
export function presume(store: StoreReader, drivers: Drivers, newborn: Newborn): Look | undefined {
  return 'network' in newborn
    ? newNetwork(store, drivers, newborn.network)
    : firstEndpoint(store, drivers, newborn.endpoint);
}
