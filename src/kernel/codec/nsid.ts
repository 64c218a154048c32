/** Numbers that a namespace gives to others (nsid): RTM_NEWNSID, RTM_GETNSID. Pure bytes. */
import {
  AttributeReader,
  afterStruct,
  BodyWriter,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_ACK,
} from './message.ts';

/** linux/rtnetlink.h. */
export const RTM_NEWNSID = 88;
/** linux/rtnetlink.h. */
export const RTM_DELNSID = 89;
const RTM_GETNSID = 90;

/** linux/rtnetlink.h: struct rtgenmsg, one byte of family, padded. */
const RTGENMSG_BYTES = 4;
/** linux/net_namespace.h: NETNSA_*. */
const NETNSA = { NSID: 1, FD: 3 } as const;
/** linux/net_namespace.h: NETNSA_NSID_NOT_ASSIGNED; in a request: choose one. */
const NOT_ASSIGNED = -1;

/** Gives the namespace of that descriptor a number; EEXIST when it has one. */
export function encodeAssignNsid(netnsFd: number): NetlinkRequest {
  const body = new BodyWriter()
    .u32(0)
    .u32Attribute(NETNSA.NSID, NOT_ASSIGNED)
    .u32Attribute(NETNSA.FD, netnsFd)
    .finish();
  return { type: RTM_NEWNSID, flags: NLM_F_ACK, body };
}

/** Asks for the number of the namespace of that descriptor. */
export function encodeGetNsid(netnsFd: number): NetlinkRequest {
  const body = new BodyWriter().u32(0).u32Attribute(NETNSA.FD, netnsFd).finish();
  return { type: RTM_GETNSID, flags: NLM_F_ACK, body };
}

/** The number in an RTM_NEWNSID or RTM_DELNSID; -1 for none. */
export function decodeNsid(message: NetlinkMessage): number {
  const start = afterStruct(message, RTGENMSG_BYTES);
  const attributes = new AttributeReader(message.bytes, start, message.end);
  while (attributes.next()) {
    if (attributes.type === NETNSA.NSID) return attributes.i32();
  }
  return NOT_ASSIGNED;
}
