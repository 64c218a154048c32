/**
 * nfnetlink, the netlink protocol of netfilter: its header, and batches. Pure. What netfilter itself defines is
 * in network byte order, unlike the rest of netlink. linux/netfilter/nfnetlink.h.
 */
import {
  AttributeReader,
  afterStruct,
  BodyWriter,
  type NetlinkMessage,
  type NetlinkRequest,
} from './message.ts';

/** linux/netfilter/nfnetlink.h: subsystems, the high byte of a message's type. */
export const NFNL_SUBSYS_CTNETLINK = 1;
export const NFNL_SUBSYS_NFTABLES = 10;

/** linux/netfilter.h. */
export const NFPROTO = Object.freeze({ unspecified: 0, inet: 1, ipv4: 2, bridge: 7, ipv6: 10 });

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
/** struct nfgenmsg (family, version, resource). */
const NFGEN_BYTES = 4;

/** A body that begins with a netfilter header; `resource` names the subsystem in a batch's marks, else 0. */
export function nfgenBody(family: number, resource = 0): BodyWriter {
  return new BodyWriter().u8(family).u8(0).u8(0).u8(resource);
}

/** The requests between the marks of a batch, which nf_tables takes as a whole or not at all. */
export function batchOf(requests: readonly NetlinkRequest[]): NetlinkRequest[] {
  const body = nfgenBody(NFPROTO.unspecified, NFNL_SUBSYS_NFTABLES).finish();
  return [
    { type: NFNL_MSG_BATCH_BEGIN, flags: 0, body },
    ...requests,
    { type: NFNL_MSG_BATCH_END, flags: 0, body },
  ];
}

/** The subsystem that a message belongs to. */
export function subsystemOf(message: NetlinkMessage): number {
  return message.type >> 8;
}

/** The family and the attributes of a netfilter message. Throws a plain Error if it is cut off. */
export function readNfgen(message: NetlinkMessage): {
  readonly family: number;
  readonly attributes: AttributeReader;
} {
  const start = afterStruct(message, NFGEN_BYTES);
  const family = message.bytes.readUInt8(message.start);
  return { family, attributes: new AttributeReader(message.bytes, start, message.end) };
}

/** A 32-bit number in network byte order. */
export function be32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A 16-bit number in network byte order. */
export function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}
