/**
 * Messages of ctnetlink: tracked connections listed and dropped. Pure bytes. linux/netfilter/
 * nfnetlink_conntrack.h; the filter's flags from net/netfilter/nf_internals.h.
 */
import { type Address, addressFromBytes, addressToBytes, type Family } from '../../model/address.ts';
import type { Protocol } from '../../model/endpoint.ts';
import {
  type AttributeReader,
  type BodyWriter,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
  NLM_F_DUMP,
} from './message.ts';
import { be16, NFNL_SUBSYS_CTNETLINK, NFPROTO, nfgenBody, readNfgen } from './nfnetlink.ts';

const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_STATUS = 3;
const CTA_ID = 12;
const CTA_ZONE = 18;
/** With NLA_F_NESTED: the filter alone is parsed strictly. */
const CTA_FILTER = 0x8000 | 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP = { ipv4: { source: 1, destination: 2 }, ipv6: { source: 3, destination: 4 } } as const;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_F_CTA_PROTO_NUM = 1 << 3;
const CTA_FILTER_F_CTA_PROTO_DST_PORT = 1 << 5;

/** linux/netfilter/nf_conntrack_common.h: an answer was seen; the destination was translated. */
const IPS_SEEN_REPLY = 1 << 1;
const IPS_DST_NAT = 1 << 5;

const NUMBERS: Record<Protocol, number> = { tcp: 6, udp: 17, sctp: 132 };

/** A tracked connection, as its first packet was before any translation. */
export interface TrackedFlow {
  readonly source: Address;
  readonly destination: Address;
  readonly protocolNumber: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly answered: boolean;
  /** Whether its destination was translated, as that of packets for a published port is. */
  readonly translated: boolean;
  /** The kernel's number of the entry, and its zone; both as they came, to name it again. */
  readonly id: Uint8Array;
  readonly zone: Uint8Array | undefined;
}

/** Connections to be listed: of that protocol, and to that destination port where one is given. */
export interface FlowQuery {
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port: number | undefined;
}

/**
 * Asks for the matching connections. Kernels before 5.8 know no such filter and list everything: what comes
 * back must be looked at again.
 */
export function encodeListFlows({ family, protocol, port }: FlowQuery): NetlinkRequest {
  const flags = CTA_FILTER_F_CTA_PROTO_NUM | (port === undefined ? 0 : CTA_FILTER_F_CTA_PROTO_DST_PORT);
  const body = nfgenBody(NFPROTO[family])
    .nest(CTA_TUPLE_ORIG, (tuple) =>
      tuple.nest(CTA_TUPLE_PROTO, (proto) => {
        proto.u8Attribute(CTA_PROTO_NUM, NUMBERS[protocol]);
        if (port !== undefined) proto.attribute(CTA_PROTO_DST_PORT, be16(port));
      }),
    )
    .nest(CTA_FILTER, (filter) => filter.u32Attribute(CTA_FILTER_ORIG_FLAGS, flags))
    .finish();
  return { type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, flags: NLM_F_DUMP, body };
}

function writeTuple(tuple: BodyWriter, flow: TrackedFlow): void {
  const address = CTA_IP[flow.source.family];
  tuple
    .nest(CTA_TUPLE_IP, (ip) =>
      ip
        .attribute(address.source, addressToBytes(flow.source))
        .attribute(address.destination, addressToBytes(flow.destination)),
    )
    .nest(CTA_TUPLE_PROTO, (proto) =>
      proto
        .u8Attribute(CTA_PROTO_NUM, flow.protocolNumber)
        .attribute(CTA_PROTO_SRC_PORT, be16(flow.sourcePort))
        .attribute(CTA_PROTO_DST_PORT, be16(flow.destinationPort)),
    );
}

/** Drops exactly this connection; ENOENT when it has ended meanwhile. */
export function encodeDropFlow(flow: TrackedFlow): NetlinkRequest {
  const writer = nfgenBody(NFPROTO[flow.source.family])
    .nest(CTA_TUPLE_ORIG, (tuple) => writeTuple(tuple, flow))
    .attribute(CTA_ID, flow.id);
  if (flow.zone !== undefined) writer.attribute(CTA_ZONE, flow.zone);
  const type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
  return { type, flags: NLM_F_ACK, body: writer.finish() };
}

interface Tuple {
  source?: Address;
  destination?: Address;
  protocolNumber?: number;
  sourcePort?: number;
  destinationPort?: number;
}

function readAddresses(ip: AttributeReader, tuple: Tuple): void {
  while (ip.next()) {
    const address = addressFromBytes(ip.value());
    const { source } = CTA_IP[address.family];
    if (ip.type === source) tuple.source = address;
    else tuple.destination = address;
  }
}

function readProtocol(proto: AttributeReader, tuple: Tuple): void {
  while (proto.next()) {
    if (proto.type === CTA_PROTO_NUM) tuple.protocolNumber = proto.u8();
    else if (proto.type === CTA_PROTO_SRC_PORT) tuple.sourcePort = proto.value().readUInt16BE();
    else if (proto.type === CTA_PROTO_DST_PORT) tuple.destinationPort = proto.value().readUInt16BE();
  }
}

function readTuple(attributes: AttributeReader): Tuple {
  const tuple: Tuple = {};
  while (attributes.next()) {
    if (attributes.type === CTA_TUPLE_IP) readAddresses(attributes.nested(), tuple);
    else if (attributes.type === CTA_TUPLE_PROTO) readProtocol(attributes.nested(), tuple);
  }
  return tuple;
}

interface Entry {
  tuple: Tuple;
  status: number;
  id: Uint8Array | undefined;
  zone: Uint8Array | undefined;
}

function readEntry(attributes: AttributeReader): Entry {
  const entry: Entry = { tuple: {}, status: 0, id: undefined, zone: undefined };
  while (attributes.next()) {
    if (attributes.type === CTA_TUPLE_ORIG) entry.tuple = readTuple(attributes.nested());
    else if (attributes.type === CTA_STATUS) entry.status = attributes.value().readUInt32BE();
    // Copies: the datagram's buffer is used again.
    else if (attributes.type === CTA_ID) entry.id = Uint8Array.from(attributes.value());
    else if (attributes.type === CTA_ZONE) entry.zone = Uint8Array.from(attributes.value());
  }
  return entry;
}

/** Reads an entry of a list; undefined for one without ports, such as ICMP's. */
export function decodeFlow(message: NetlinkMessage): TrackedFlow | undefined {
  const { tuple, status, id, zone } = readEntry(readNfgen(message).attributes);
  const { source, destination, protocolNumber, sourcePort, destinationPort } = tuple;
  if (source === undefined || destination === undefined || protocolNumber === undefined) return undefined;
  if (sourcePort === undefined || destinationPort === undefined || id === undefined) return undefined;
  const answered = (status & IPS_SEEN_REPLY) !== 0;
  const translated = (status & IPS_DST_NAT) !== 0;
  return { source, destination, protocolNumber, sourcePort, destinationPort, answered, translated, id, zone };
}

/** Whether the connection is of that protocol. */
export function isOfProtocol(flow: TrackedFlow, protocol: Protocol): boolean {
  return flow.protocolNumber === NUMBERS[protocol];
}
