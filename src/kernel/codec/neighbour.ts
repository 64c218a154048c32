/** Neighbour entries (ARP, ND) and bridges' forwarding tables: RTM_NEWNEIGH and its relatives. Pure bytes. */
import {
  type Address,
  addressFromBytes,
  addressToBytes,
  macFromBytes,
  macToBytes,
} from '../../model/address.ts';
import { VETHD_PROTOCOL } from '../../model/netstate.ts';
import { AF_BRIDGE, AF_UNSPEC, familyNumber } from './family.ts';
import {
  AttributeReader,
  afterStruct,
  BodyWriter,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_BULK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
} from './message.ts';

/** linux/rtnetlink.h. */
export const RTM_NEWNEIGH = 28;
/** linux/rtnetlink.h. */
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;

/** linux/neighbour.h: struct ndmsg (family, pad, pad, ifindex, state, flags, type). */
const NDMSG_BYTES = 12;
/** linux/neighbour.h: NDA_*. */
const NDA = { DST: 1, LLADDR: 2, IFINDEX: 8, MASTER: 9, PROTOCOL: 12 } as const;
/** linux/neighbour.h: a static entry of a forwarding table. */
const NUD_NOARP = 0x40;
/** linux/neighbour.h: an entry that is never questioned. */
const NUD_PERMANENT = 0x80;
/** linux/neighbour.h: the entry is the bridge's, not the device's own. */
const NTF_MASTER = 0x4;

/** A permanent neighbour entry, or a static one of a forwarding table. */
export type DecodedNeighbour =
  | {
      readonly table: 'ip';
      readonly ifindex: number;
      readonly address: Address;
      readonly mac: string;
      readonly ours: boolean;
    }
  | { readonly table: 'bridge'; readonly ifindex: number; readonly mac: string };

function header(family: number, ifindex: number, state: number, flags: number): BodyWriter {
  return new BodyWriter().u8(family).u8(0).u16(0).u32(ifindex).u16(state).u8(flags).u8(0);
}

/** Adds the permanent entry or replaces the one of its address; marked as ours. */
export function encodeAddNeighbour(ifindex: number, address: Address, mac: string): NetlinkRequest {
  const body = header(familyNumber(address.family), ifindex, NUD_PERMANENT, 0)
    .attribute(NDA.DST, addressToBytes(address))
    .attribute(NDA.LLADDR, macToBytes(mac))
    .u8Attribute(NDA.PROTOCOL, VETHD_PROTOCOL)
    .finish();
  return { type: RTM_NEWNEIGH, flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, body };
}

function ipIdentity(ifindex: number, address: Address): Uint8Array {
  return header(familyNumber(address.family), ifindex, 0, 0)
    .attribute(NDA.DST, addressToBytes(address))
    .finish();
}

/** Removes the entry of that address. */
export function encodeRemoveNeighbour(ifindex: number, address: Address): NetlinkRequest {
  return { type: RTM_DELNEIGH, flags: NLM_F_ACK, body: ipIdentity(ifindex, address) };
}

/** Asks for the entry of that address, in any state; ENOENT when there is none. */
export function encodeGetNeighbour(ifindex: number, address: Address): NetlinkRequest {
  return { type: RTM_GETNEIGH, flags: NLM_F_ACK, body: ipIdentity(ifindex, address) };
}

/** Asks for all neighbour entries of both families; of one link if `ifindex` is not 0. */
export function encodeDumpNeighbours(ifindex: number): NetlinkRequest {
  const writer = header(AF_UNSPEC, 0, 0, 0);
  if (ifindex !== 0) writer.u32Attribute(NDA.IFINDEX, ifindex);
  return { type: RTM_GETNEIGH, flags: NLM_F_DUMP, body: writer.finish() };
}

function fdbBody(ifindex: number, mac: string, state: number): Uint8Array {
  return header(AF_BRIDGE, ifindex, state, NTF_MASTER).attribute(NDA.LLADDR, macToBytes(mac)).finish();
}

/** Adds a static entry for that port to its bridge's forwarding table, or makes one that was learnt static. */
export function encodeAddFdbEntry(ifindex: number, mac: string): NetlinkRequest {
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return { type: RTM_NEWNEIGH, flags, body: fdbBody(ifindex, mac, NUD_NOARP) };
}

/** Removes the entry of that MAC from the port's bridge. */
export function encodeRemoveFdbEntry(ifindex: number, mac: string): NetlinkRequest {
  return { type: RTM_DELNEIGH, flags: NLM_F_ACK, body: fdbBody(ifindex, mac, 0) };
}

/** Removes all entries of that port from its bridge's forwarding table (Linux 5.19). */
export function encodeFlushFdb(ifindex: number): NetlinkRequest {
  const body = header(AF_BRIDGE, ifindex, 0, NTF_MASTER).finish();
  return { type: RTM_DELNEIGH, flags: NLM_F_ACK | NLM_F_BULK, body };
}

/** Asks the port's bridge for the entry of that MAC, on whichever port; ENOENT when there is none. */
export function encodeGetFdbEntry(ifindex: number, mac: string): NetlinkRequest {
  return { type: RTM_GETNEIGH, flags: NLM_F_ACK, body: fdbBody(ifindex, mac, 0) };
}

/** Asks for all entries of all forwarding tables. */
export function encodeDumpFdb(): NetlinkRequest {
  return { type: RTM_GETNEIGH, flags: NLM_F_DUMP, body: header(AF_BRIDGE, 0, 0, 0).finish() };
}

/** linux/neighbour.h: NUD_* of an RTM_NEWNEIGH or RTM_DELNEIGH, the table that it is about, and whom. */
export function decodeNeighbourState(message: NetlinkMessage): {
  readonly table: 'ip' | 'bridge';
  readonly ifindex: number;
  readonly fixed: boolean;
  /** Undefined in the table of a bridge. */
  readonly address: Address | undefined;
  /** In the table of a bridge: whose entry it is, and of which bridge (0: the device's own). */
  readonly forwarding: { readonly mac: string; readonly bridgeIndex: number } | undefined;
} {
  const start = afterStruct(message, NDMSG_BYTES);
  const table = message.bytes.readUInt8(message.start) === AF_BRIDGE ? 'bridge' : 'ip';
  const state = message.bytes.readUInt16LE(message.start + 8);
  return {
    table,
    ifindex: message.bytes.readInt32LE(message.start + 4),
    fixed: (state & (table === 'ip' ? NUD_PERMANENT : NUD_NOARP)) !== 0,
    address: table === 'ip' ? decodeDestination(message, start) : undefined,
    forwarding: table === 'bridge' ? decodeForwarding(message, start) : undefined,
  };
}

function decodeForwarding(message: NetlinkMessage, start: number): { mac: string; bridgeIndex: number } {
  const attributes = new AttributeReader(message.bytes, start, message.end);
  const found = { mac: '', bridgeIndex: 0 };
  while (attributes.next()) {
    if (attributes.type === NDA.LLADDR) found.mac = macFromBytes(attributes.value());
    else if (attributes.type === NDA.MASTER) found.bridgeIndex = attributes.u32();
  }
  return found;
}

function decodeDestination(message: NetlinkMessage, start: number): Address | undefined {
  const attributes = new AttributeReader(message.bytes, start, message.end);
  while (attributes.next()) {
    if (attributes.type !== NDA.DST) continue;
    const bytes = attributes.value();
    return bytes.length === 4 || bytes.length === 16 ? addressFromBytes(bytes) : undefined;
  }
  return undefined;
}

/**
 * The entry of an RTM_NEWNEIGH; undefined for one that is neither a permanent neighbour with a MAC nor a
 * static entry of a bridge's forwarding table.
 */
export function decodeNeighbour(message: NetlinkMessage): DecodedNeighbour | undefined {
  const start = afterStruct(message, NDMSG_BYTES);
  const { table, ifindex, fixed } = decodeNeighbourState(message);
  if (!fixed) return undefined;
  const attributes = new AttributeReader(message.bytes, start, message.end);
  let destination: Uint8Array | undefined;
  let mac = '';
  let ours = false;
  let master = false;
  while (attributes.next()) {
    if (attributes.type === NDA.DST) destination = attributes.value();
    else if (attributes.type === NDA.LLADDR) mac = macFromBytes(attributes.value());
    else if (attributes.type === NDA.PROTOCOL) ours = attributes.u8() === VETHD_PROTOCOL;
    else if (attributes.type === NDA.MASTER) master = true;
  }
  if (mac === '') return undefined;
  // Without a master it is an entry of the device itself, not of its bridge.
  if (table === 'bridge') return master ? { table, ifindex, mac } : undefined;
  if (destination === undefined || ![4, 16].includes(destination.length)) return undefined;
  return { table, ifindex, address: addressFromBytes(destination), mac, ours };
}
