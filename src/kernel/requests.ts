/** Which messages carry out an Operation on a link. Pure. */
import { RETIRED_ALIAS, RETIRED_GROUP } from '../model/netstate.ts';
import type {
  AddAddress,
  AddFdbEntry,
  AddNeighbour,
  AddRoute,
  LinkChange,
  RemoveAddress,
  RemoveFdbEntry,
  RemoveNeighbour,
  RemoveRoute,
} from '../model/operation.ts';
import { encodeAddAddress, encodeRemoveAddress } from './codec/address.ts';
import { encodeSetLink, encodeSetPort, type LinkAttributes, type LinkSelector } from './codec/link.ts';
import type { NetlinkRequest } from './codec/message.ts';
import {
  encodeAddFdbEntry,
  encodeAddNeighbour,
  encodeRemoveFdbEntry,
  encodeRemoveNeighbour,
} from './codec/neighbour.ts';
import { encodeAddRoute, encodeRemoveRoute } from './codec/route.ts';

/** Operations on what lives on a link. */
export type OnLink =
  | AddAddress
  | RemoveAddress
  | AddRoute
  | RemoveRoute
  | AddNeighbour
  | RemoveNeighbour
  | AddFdbEntry
  | RemoveFdbEntry;

/** The link that the Operation is about. */
export function ifnameOf(operation: OnLink): string {
  switch (operation.op) {
    case 'addAddress':
    case 'removeAddress':
      return operation.address.ifname;
    case 'addRoute':
    case 'removeRoute':
      return operation.route.ifname;
    case 'addNeighbour':
    case 'removeNeighbour':
      return operation.neighbour.ifname;
    case 'addFdbEntry':
    case 'removeFdbEntry':
      return operation.entry.ifname;
  }
}

/** The message for the Operation on the link with that index. */
export function requestOnLink(operation: OnLink, ifindex: number): NetlinkRequest {
  switch (operation.op) {
    case 'addAddress':
      return encodeAddAddress(ifindex, operation.address.prefix);
    case 'removeAddress':
      return encodeRemoveAddress(ifindex, operation.address.prefix);
    case 'addRoute':
      return encodeAddRoute(operation.route, ifindex);
    case 'removeRoute':
      return encodeRemoveRoute(operation.route, ifindex);
    case 'addNeighbour':
      return encodeAddNeighbour(ifindex, operation.neighbour.address, operation.neighbour.mac);
    case 'removeNeighbour':
      return encodeRemoveNeighbour(ifindex, operation.neighbour.address);
    case 'addFdbEntry':
      return encodeAddFdbEntry(ifindex, operation.entry.mac);
    case 'removeFdbEntry':
      return encodeRemoveFdbEntry(ifindex, operation.entry.mac);
  }
}

/** A name for a link that waits to be deleted: free, because no other link has the index. */
export function retiredName(ifindex: number): string {
  return `vd${ifindex.toString(16)}`;
}

/**
 * Stops a link and frees its name. Out of the bridge in the first message, so that no frame passes any more;
 * the name in the second, because kernels before 6.2 rename only links that are down.
 */
export function retireHostEnd(ifindex: number): NetlinkRequest[] {
  return [
    encodeSetLink({ ifindex }, { up: false, masterIndex: 0, alias: RETIRED_ALIAS }),
    // The group last: from then on a reap that is under way may delete it between two messages.
    encodeSetLink({ ifindex }, { rename: retiredName(ifindex), group: RETIRED_GROUP }),
  ];
}

/** Stops the other end of a retired veth and frees its name. */
export function retirePeer(ifindex: number): NetlinkRequest[] {
  return [
    // Marked too: it lives until its other end is reaped, and must not look left over until then.
    encodeSetLink({ ifindex }, { up: false, alias: RETIRED_ALIAS }),
    encodeSetLink({ ifindex }, { rename: retiredName(ifindex) }),
  ];
}

function attributesOf(change: LinkChange, masterIndex: number | undefined): LinkAttributes {
  const { ifname, alias, mac, mtu, addrGenMode } = change;
  return {
    ...(ifname === undefined ? {} : { rename: ifname }),
    ...(alias === undefined ? {} : { alias }),
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(addrGenMode === undefined ? {} : { addrGenMode }),
    ...(masterIndex === undefined ? {} : { masterIndex }),
  };
}

/**
 * Changes a link. First down, where it goes down or gets another name (kernels before 6.2); up last, because
 * the kernel makes a link-local address at that moment, in the mode that it then has. A port's attributes come
 * after its bridge. `wasUp`: whether a renamed link must come up again though the change does not say.
 */
export function changeLink(
  selector: LinkSelector,
  change: LinkChange,
  masterIndex: number | undefined,
  wasUp: boolean,
): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  const renamed = change.ifname !== undefined;
  const attributes = attributesOf(change, masterIndex);
  if (change.up === false || renamed) requests.push(encodeSetLink(selector, { up: false }));
  if (Object.keys(attributes).length > 0) requests.push(encodeSetLink(selector, attributes));
  if (change.port !== undefined) requests.push(encodeSetPort(selector, change.port));
  if (change.up ?? (renamed && wasUp)) requests.push(encodeSetLink(selector, { up: true }));
  return requests;
}
