/**
 * One change of the kernel, as plain data. `plan` makes Operations, the kernel thread carries them out, and
 * `reconcile/kinds` shows each as the command line that a person would type for the same.
 */

import type { PublicationChange } from './endpoint.ts';
import type {
  BridgePort,
  FdbEntry,
  InterfaceAddress,
  Link,
  Neighbour,
  NetnsKey,
  Route,
  Sysctl,
  VethPeer,
} from './netstate.ts';
import type { ElementChange } from './nft-sets.ts';

interface OperationOf<Name extends string> {
  readonly op: Name;
  /** The namespace in which it happens. */
  readonly netns: NetnsKey;
  /** Id of the network, endpoint or container that it is for: whom a failure concerns. */
  readonly object: string;
}

/** Attributes of a link to be set; an absent one stays as it is. */
export interface LinkChange {
  readonly ifname?: string;
  readonly alias?: string;
  readonly up?: boolean;
  readonly mac?: string;
  readonly mtu?: number;
  readonly addrGenMode?: 'eui64' | 'none';
  /** `''` takes it out of its bridge. */
  readonly master?: string;
  readonly port?: BridgePort;
}

/** Makes the namespace and binds it at /run/netns/`name` as `ip netns add` does; lo gets `alias`. */
export interface CreateNetns extends OperationOf<'createNetns'> {
  readonly name: string;
  readonly alias: string;
}
/** Unbinds /run/netns/`name` and removes the file, as `ip netns delete` does. */
export interface RemoveNetns extends OperationOf<'removeNetns'> {
  readonly name: string;
}
/** Makes a bridge, with alias, MAC, MTU, address generation mode and state as in `link`. */
export interface CreateBridge extends OperationOf<'createBridge'> {
  readonly link: Link;
}
/**
 * Makes a veth pair: `link` here, up and in its bridge, `peer` born in its own namespace, down and without
 * alias (the kernel cannot do more at birth); alias and port attributes of `link` follow in the same send.
 * One queue on both ends.
 */
export interface CreateVeth extends OperationOf<'createVeth'> {
  readonly link: Link;
  readonly peer: Link;
  readonly peerNetns: NetnsKey;
}
/** Changes attributes of an existing link. */
export interface ChangeLink extends OperationOf<'changeLink'> {
  readonly ifname: string;
  readonly change: LinkChange;
}
/**
 * Stops a link and frees its name now, deletes it later: down, out of its bridge, renamed, alias
 * `vethd:retired`, group RETIRED_GROUP; a peer that can be reached goes down and loses its name too. Where no later
 * Operation of the list can need the name, nothing passes the bridge's port any more when the answer goes, and the rest
 * is done right after it. The kernel thread deletes the group behind (`reap`). In another namespace than the host's,
 * where no reap goes, the link is deleted at once.
 */
export interface RetireLink extends OperationOf<'retireLink'> {
  readonly ifname: string;
  /** The host's link of that name must have it: ESTALE, and nothing is done, where it is somebody else's by now. */
  readonly alias?: string;
  /** The other end of a veth whose name must be free at once. */
  readonly peer: VethPeer | undefined;
}
/** Makes the kernel act on a carrier that just came on, so that the first packet is not lost (RTM_GETLINK). */
export interface SettleCarrier extends OperationOf<'settleCarrier'> {
  readonly ifname: string;
}
export interface AddAddress extends OperationOf<'addAddress'> {
  readonly address: InterfaceAddress;
}
export interface RemoveAddress extends OperationOf<'removeAddress'> {
  readonly address: InterfaceAddress;
}
/** Adds the route or replaces the one with its destination and metric. */
export interface AddRoute extends OperationOf<'addRoute'> {
  readonly route: Route;
}
export interface RemoveRoute extends OperationOf<'removeRoute'> {
  readonly route: Route;
}
/** Adds the permanent entry or replaces the one of its address. */
export interface AddNeighbour extends OperationOf<'addNeighbour'> {
  readonly neighbour: Neighbour;
}
export interface RemoveNeighbour extends OperationOf<'removeNeighbour'> {
  readonly neighbour: Neighbour;
}
export interface AddFdbEntry extends OperationOf<'addFdbEntry'> {
  readonly entry: FdbEntry;
}
export interface RemoveFdbEntry extends OperationOf<'removeFdbEntry'> {
  readonly entry: FdbEntry;
}
export interface SetSysctl extends OperationOf<'setSysctl'> {
  readonly sysctl: Sysctl;
}
/** Feeds a whole ruleset to `nft -f -`: one transaction. Always in the host's namespace. */
export interface ApplyRuleset extends OperationOf<'applyRuleset'> {
  readonly text: string;
}

/** Changes elements of the ruleset's sets and maps in one transaction; its rules stay. Always in the host. */
export interface ChangeElements extends OperationOf<'changeElements'> {
  readonly changes: readonly ElementChange[];
}

/**
 * Takes out what told who the gone members were allowed to be. Always in the host, after their links: until those are
 * down, it is what holds them. Carried out once everything else has been answered: a refusal is told as a change of
 * the firewall, and leads to a whole ruleset.
 */
export interface ForgetSenders extends OperationOf<'forgetSenders'> {
  readonly changes: readonly ElementChange[];
}

/**
 * Drops the UDP connections that a change of published ports made stale: their translation was decided with their
 * first packet, and UDP has no end. Always in the host, after the ruleset has changed.
 */
export interface DropConnections extends OperationOf<'dropConnections'> {
  readonly changes: readonly PublicationChange[];
}

/** One change of the kernel. */
export type Operation =
  | CreateNetns
  | RemoveNetns
  | CreateBridge
  | CreateVeth
  | ChangeLink
  | RetireLink
  | SettleCarrier
  | AddAddress
  | RemoveAddress
  | AddRoute
  | RemoveRoute
  | AddNeighbour
  | RemoveNeighbour
  | AddFdbEntry
  | RemoveFdbEntry
  | SetSysctl
  | ApplyRuleset
  | ChangeElements
  | ForgetSenders
  | DropConnections;

/** What became of an Operation. */
export type OperationResult =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** `EEXIST` …; `EUNKNOWN` where the number has no name here. */
      readonly errno: string;
      /** The kernel's own words (extended ack, nft's stderr) or those of strerror. */
      readonly reason: string;
    };
