/** Unicast routes of the main table: RTM_NEWROUTE and its relatives. Pure bytes. */
import { type Address, addressFromBytes, addressToBytes, type Prefix } from '../../model/address.ts';
import { type ObservedRoute, type Route, VETHD_PROTOCOL } from '../../model/netstate.ts';
import { AF_UNSPEC, familyNumber } from './family.ts';
import {
  AttributeReader,
  afterStruct,
  BodyWriter,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
} from './message.ts';

/** linux/rtnetlink.h. */
export const RTM_NEWROUTE = 24;
/** linux/rtnetlink.h. */
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;

/** linux/rtnetlink.h: struct rtmsg (family, dst_len, src_len, tos, table, protocol, scope, type, flags). */
const RTMSG_BYTES = 12;
/** linux/rtnetlink.h: RTA_*. */
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, TABLE: 15 } as const;
const RT_TABLE_MAIN = 254;
const RTN_UNICAST = 1;
const RTPROT_KERNEL = 2;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
/** linux/rtnetlink.h: an exception that the kernel made for one destination (IPv6). */
const RTM_F_CLONED = 0x200;

/** A route as the kernel tells it. */
export interface DecodedRoute extends Omit<ObservedRoute, 'ifname'> {
  readonly ifindex: number;
}

function scopeOf(route: Route): number {
  if (route.destination.address.family === 'ipv6' || route.gateway !== undefined) return RT_SCOPE_UNIVERSE;
  return RT_SCOPE_LINK;
}

function routeBody(route: Route, ifindex: number, scope: number): Uint8Array {
  const { destination, gateway, source, metric, protocol } = route;
  const writer = new BodyWriter()
    .u8(familyNumber(destination.address.family))
    .u8(destination.length)
    .u8(0)
    .u8(0)
    .u8(RT_TABLE_MAIN)
    .u8(protocol === 'kernel' ? RTPROT_KERNEL : VETHD_PROTOCOL)
    .u8(scope)
    .u8(RTN_UNICAST)
    .u32(0);
  if (destination.length > 0) writer.attribute(RTA.DST, addressToBytes(destination.address));
  if (gateway !== undefined) writer.attribute(RTA.GATEWAY, addressToBytes(gateway));
  if (source !== undefined) writer.attribute(RTA.PREFSRC, addressToBytes(source));
  if (metric !== 0) writer.u32Attribute(RTA.PRIORITY, metric);
  return writer.u32Attribute(RTA.OIF, ifindex).finish();
}

/** Adds the route or replaces the one with its destination and metric. */
export function encodeAddRoute(route: Route, ifindex: number): NetlinkRequest {
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return { type: RTM_NEWROUTE, flags, body: routeBody(route, ifindex, scopeOf(route)) };
}

/** Removes the route. */
export function encodeRemoveRoute(route: Route, ifindex: number): NetlinkRequest {
  const scope = route.destination.address.family === 'ipv4' ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
  return { type: RTM_DELROUTE, flags: NLM_F_ACK, body: routeBody(route, ifindex, scope) };
}

/** Asks for the main table's routes of both families; of one link if `ifindex` is not 0. */
export function encodeDumpRoutes(ifindex: number): NetlinkRequest {
  const writer = new BodyWriter().u8(AF_UNSPEC).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u8(0).u32(0);
  writer.u32Attribute(RTA.TABLE, RT_TABLE_MAIN);
  if (ifindex !== 0) writer.u32Attribute(RTA.OIF, ifindex);
  return { type: RTM_GETROUTE, flags: NLM_F_DUMP, body: writer.finish() };
}

interface Fields {
  destination: Uint8Array | undefined;
  gateway: Address | undefined;
  source: Address | undefined;
  ifindex: number;
  metric: number;
  table: number;
}

function decodeFields(attributes: AttributeReader, table: number): Fields {
  const fields: Fields = {
    destination: undefined,
    gateway: undefined,
    source: undefined,
    ifindex: 0,
    metric: 0,
    table,
  };
  while (attributes.next()) {
    if (attributes.type === RTA.DST) fields.destination = attributes.value();
    else if (attributes.type === RTA.GATEWAY) fields.gateway = addressFromBytes(attributes.value());
    else if (attributes.type === RTA.PREFSRC) fields.source = addressFromBytes(attributes.value());
    else if (attributes.type === RTA.OIF) fields.ifindex = attributes.u32();
    else if (attributes.type === RTA.PRIORITY) fields.metric = attributes.u32();
    else if (attributes.type === RTA.TABLE) fields.table = attributes.u32();
  }
  return fields;
}

function protocolOf(number: number): ObservedRoute['protocol'] {
  if (number === VETHD_PROTOCOL) return 'vethd';
  return number === RTPROT_KERNEL ? 'kernel' : 'other';
}

function destinationOf(family: number, length: number, bytes: Uint8Array | undefined): Prefix {
  const size = family === familyNumber('ipv4') ? 4 : 16;
  return { address: addressFromBytes(bytes ?? new Uint8Array(size)), length };
}

/**
 * The route of an RTM_NEWROUTE or RTM_DELROUTE; undefined for one that is no unicast IP route of the main
 * table by one link. The metric that the kernel gives IPv6 routes by default is told as 0, as it was asked.
 */
export function decodeRoute(message: NetlinkMessage): DecodedRoute | undefined {
  const start = afterStruct(message, RTMSG_BYTES);
  const { bytes } = message;
  const family = bytes.readUInt8(message.start);
  if (family !== familyNumber('ipv4') && family !== familyNumber('ipv6')) return undefined;
  if (bytes.readUInt8(message.start + 7) !== RTN_UNICAST) return undefined;
  if ((bytes.readUInt32LE(message.start + 8) & RTM_F_CLONED) !== 0) return undefined;
  const attributes = new AttributeReader(bytes, start, message.end);
  const fields = decodeFields(attributes, bytes.readUInt8(message.start + 4));
  if (fields.table !== RT_TABLE_MAIN || fields.ifindex === 0) return undefined;
  return {
    ifindex: fields.ifindex,
    destination: destinationOf(family, bytes.readUInt8(message.start + 1), fields.destination),
    gateway: fields.gateway,
    source: fields.source,
    metric: fields.metric,
    protocol: protocolOf(bytes.readUInt8(message.start + 5)),
  };
}
