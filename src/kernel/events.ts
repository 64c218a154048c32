/**
 * Hears of changes by netlink: links, addresses, routes and neighbours of the host and of every namespace that
 * has a number (nsid) there. Says where to look, not what happened. What was lost becomes `resync`.
 */

import type { Address } from '../model/address.ts';
import { decodeAddress, RTM_DELADDR, RTM_NEWADDR } from './codec/address.ts';
import { decodeLinkName, encodeDumpLinks, RTM_DELLINK, RTM_NEWLINK } from './codec/link.ts';
import { decodeMessages, type NetlinkMessage } from './codec/message.ts';
import { decodeNeighbourState, RTM_DELNEIGH, RTM_NEWNEIGH } from './codec/neighbour.ts';
import { decodeNsid, RTM_DELNSID, RTM_NEWNSID } from './codec/nsid.ts';
import { decodeRoute, RTM_DELROUTE, RTM_NEWROUTE } from './codec/route.ts';
import type { KernelChange } from './contract.ts';
import { EventReader, GATHER_MS } from './event-reader.ts';
import { onReadableFor, SystemError } from './libc.ts';
import { NetlinkSocket } from './socket.ts';

/**
 * linux/rtnetlink.h: RTNLGRP_LINK, NEIGH, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE, IPV4_NETCONF,
 * IPV6_NETCONF, NSID.
 */
const GROUPS: readonly number[] = [1, 3, 5, 7, 9, 11, 24, 25, 28];

/** linux/rtnetlink.h: a setting changed, forwarding for instance. */
const RTM_NEWNETCONF = 80;

interface Where {
  readonly ifindex: number;
  readonly ifname: string | undefined;
  readonly neighbour?: Address;
  readonly forwarding?: { readonly mac: string; readonly bridgeIndex: number };
}

/** Where an entry's message says that something changed; undefined when it is nothing that we look at. */
function placeOf(message: NetlinkMessage): Where | undefined {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return decodeLinkName(message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return withoutName(decodeAddress(message));
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return withoutName(decodeRoute(message));
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return neighbourPlace(message);
    default:
      return undefined;
  }
}

function withoutName(found: { readonly ifindex: number } | undefined): Where | undefined {
  return found === undefined ? undefined : { ifindex: found.ifindex, ifname: undefined };
}

/**
 * ARP and learning bridges change their tables all the time; only entries that somebody has fixed are looked
 * at. A deleted neighbour no longer says that it was permanent.
 */
function neighbourPlace(message: NetlinkMessage): Where | undefined {
  const { table, ifindex, fixed, address, forwarding } = decodeNeighbourState(message);
  const gone = message.type === RTM_DELNEIGH && table === 'ip';
  if (!fixed && !gone) return undefined;
  return {
    ifindex,
    ifname: undefined,
    ...(address === undefined ? {} : { neighbour: address }),
    ...(forwarding === undefined ? {} : { forwarding }),
  };
}

/** Reads events from the moment it is made until it is closed. */
export class NetworkEvents {
  readonly #onChange: (change: KernelChange) => void;
  readonly #socket = new NetlinkSocket();
  readonly #reader: EventReader;
  readonly #stopReading: () => void;
  /** Names of the host's links: messages about addresses and routes have only the index. */
  readonly #names = new Map<number, string>();

  /** `host` is a socket in the host's namespace, in which this must be made. */
  constructor(host: NetlinkSocket, onChange: (change: KernelChange) => void) {
    this.#onChange = onChange;
    this.#socket.listenAllNsid();
    for (const group of GROUPS) this.#socket.join(group);
    this.#reader = new EventReader(this.#socket.fd);
    this.#learnNames(host);
    this.#stopReading = onReadableFor(GATHER_MS, this.#socket.fd, () => this.#read());
  }

  /** Ends it. */
  close(): void {
    this.#stopReading();
    this.#socket.close();
  }

  #learnNames(host: NetlinkSocket): void {
    for (const { ifindex, ifname } of host.dump('listing links', encodeDumpLinks(), decodeLinkName)) {
      this.#names.set(ifindex, ifname);
    }
  }

  #read(): void {
    try {
      for (let event = this.#reader.read(); event !== undefined; event = this.#reader.read()) {
        for (const message of decodeMessages(event.datagram)) this.#hear(message, event.nsid);
      }
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== 'ENOBUFS') throw error;
      this.#onChange({ kind: 'resync' });
    }
  }

  #hear(message: NetlinkMessage, nsid: number | undefined): void {
    if (message.type === RTM_NEWNSID || message.type === RTM_DELNSID) {
      this.#onChange({ kind: 'network', nsid: decodeNsid(message), ifname: undefined });
      return;
    }
    if (message.type === RTM_NEWNETCONF) {
      this.#onChange({ kind: 'network', nsid, ifname: undefined });
      return;
    }
    const place = placeOf(message);
    if (place === undefined) return;
    if (nsid === undefined) this.#tellHost(message.type, place);
    else this.#onChange({ kind: 'network', nsid, ifname: place.ifname });
  }

  #tellHost(type: number, place: Where): void {
    const { neighbour, forwarding } = place;
    const bridge = this.#names.get(forwarding?.bridgeIndex ?? 0);
    this.#onChange({
      kind: 'network',
      nsid: undefined,
      ifname: this.#hostName(type, place),
      ...(neighbour === undefined ? {} : { neighbour }),
      ...(forwarding === undefined || bridge === undefined
        ? {}
        : { forwarding: { mac: forwarding.mac, bridge } }),
    });
  }

  /** A link that has got another name is told under both. */
  #hostName(type: number, { ifindex, ifname }: Where): string | undefined {
    const known = this.#names.get(ifindex);
    if (ifname === undefined) return known;
    if (type === RTM_DELLINK) this.#names.delete(ifindex);
    else this.#names.set(ifindex, ifname);
    if (known !== undefined && known !== ifname) {
      this.#onChange({ kind: 'network', nsid: undefined, ifname: known });
    }
    return ifname;
  }
}
