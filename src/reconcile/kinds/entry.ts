/**
 * The kinds that live on a link and differ only in their identity: addresses, routes, neighbour entries and
 * FDB entries. Each says what makes an entry itself (`key`), whether one seen is good as it is (`same`), and
 * which Operations add and remove it.
 */
import { formatAddress, formatPrefix } from '../../model/address.ts';
import type {
  FdbEntry,
  InterfaceAddress,
  Neighbour,
  NetnsKey,
  ObservedAddress,
  ObservedNeighbour,
  ObservedRoute,
  Route,
} from '../../model/netstate.ts';
import type { Operation } from '../../model/operation.ts';

/** How one kind of entry is compared and changed. */
export interface EntryKind<
  Wanted extends { readonly ifname: string },
  Seen extends { readonly ifname: string },
> {
  /** Identity within a namespace, once `ifname` is the desired name of the link. */
  key(entry: Wanted | Seen): string;
  /** Whether the one seen needs no change; entries of the same key are compared. */
  same(wanted: Wanted, seen: Seen): boolean;
  /** Whether we made it, so that we may remove it. */
  isOurs(seen: Seen): boolean;
  /** Whether the kernel makes it by itself on a link that is made now. */
  comesWithLink(wanted: Wanted): boolean;
  add(netns: NetnsKey, object: string, wanted: Wanted): Operation;
  remove(netns: NetnsKey, object: string, seen: Seen): Operation;
}

/** Addresses on interfaces. */
export const addressKind: EntryKind<InterfaceAddress, ObservedAddress> = {
  key: ({ ifname, prefix }) => `${ifname} ${formatPrefix(prefix)}`,
  same: () => true,
  isOurs: ({ ours }) => ours,
  comesWithLink: () => false,
  add: (netns, object, address) => ({ op: 'addAddress', netns, object, address }),
  remove: (netns, object, { ifname, prefix }) => ({
    op: 'removeAddress',
    netns,
    object,
    address: { ifname, prefix },
  }),
};

function textOf(address: Parameters<typeof formatAddress>[0] | undefined): string {
  return address === undefined ? '' : formatAddress(address);
}

/**
 * Routes of the main table. Destination and metric are the identity: a route to the same destination by
 * another link replaces the old one in one step, so that there is no moment without a default route.
 */
export const routeKind: EntryKind<Route, ObservedRoute> = {
  key: ({ destination, metric }) => `${formatPrefix(destination)} ${metric}`,
  same: (wanted, seen) =>
    wanted.ifname === seen.ifname &&
    wanted.protocol === seen.protocol &&
    textOf(wanted.gateway) === textOf(seen.gateway) &&
    (wanted.source === undefined || textOf(wanted.source) === textOf(seen.source)),
  isOurs: ({ protocol }) => protocol === 'vethd',
  comesWithLink: ({ protocol }) => protocol === 'kernel',
  add: (netns, object, route) => ({ op: 'addRoute', netns, object, route }),
  remove: (netns, object, { ifname, destination, gateway, source, metric }) => ({
    op: 'removeRoute',
    netns,
    object,
    route: { ifname, destination, gateway, source, metric, protocol: 'vethd' },
  }),
};

/** Permanent neighbour entries. */
export const neighbourKind: EntryKind<Neighbour, ObservedNeighbour> = {
  key: ({ ifname, address }) => `${ifname} ${formatAddress(address)}`,
  same: (wanted, seen) => wanted.mac === seen.mac,
  isOurs: ({ ours }) => ours,
  comesWithLink: () => false,
  add: (netns, object, neighbour) => ({ op: 'addNeighbour', netns, object, neighbour }),
  remove: (netns, object, { ifname, address, mac }) => ({
    op: 'removeNeighbour',
    netns,
    object,
    neighbour: { ifname, address, mac },
  }),
};

/** Static entries of a bridge's forwarding table; on a port of ours they are all ours. */
export const fdbKind: EntryKind<FdbEntry, FdbEntry> = {
  key: ({ ifname, mac }) => `${ifname} ${mac}`,
  same: () => true,
  isOurs: () => true,
  comesWithLink: () => false,
  add: (netns, object, entry) => ({ op: 'addFdbEntry', netns, object, entry }),
  remove: (netns, object, entry) => ({ op: 'removeFdbEntry', netns, object, entry }),
};
