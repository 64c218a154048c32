/** What the kernel answers to a request: NLMSG_ERROR, with error 0 for "done", and its own words beside it. */
import { describeErrno, errnoName } from './errno.ts';
import { AttributeReader, afterStruct, type NetlinkMessage } from './message.ts';

/** Why the kernel did not do something. */
export interface Refusal {
  /** `EEXIST` …. */
  readonly errno: string;
  /** The kernel's own words (extended ack) or those of strerror. */
  readonly reason: string;
}

/** linux/netlink.h: the ack does not repeat the request but for its header. */
const NLM_F_CAPPED = 0x100;
/** linux/netlink.h: attributes follow. */
const NLM_F_ACK_TLVS = 0x200;
/** linux/netlink.h: NLMSGERR_ATTR_MSG, a text. */
const NLMSGERR_ATTR_MSG = 1;
/** linux/netlink.h: struct nlmsgerr, an error number and the header of the request. */
const ERROR_BYTES = 20;

/** The refusal for an error number (positive), in strerror's words. */
export function refusalOf(errno: number): Refusal {
  return { errno: errnoName(errno), reason: describeErrno(errno) };
}

function extendedAck(message: NetlinkMessage, start: number): string | undefined {
  const attributes = new AttributeReader(message.bytes, start, message.end);
  while (attributes.next()) {
    if (attributes.type === NLMSGERR_ATTR_MSG) return attributes.text();
  }
  return undefined;
}

function attributesStart(message: NetlinkMessage): number {
  const fixed = afterStruct(message, ERROR_BYTES);
  if ((message.flags & NLM_F_CAPPED) !== 0) return fixed;
  const requestBytes = message.bytes.readUInt32LE(message.start + 4);
  return message.start + 4 + ((requestBytes + 3) & ~3);
}

function refusal(message: NetlinkMessage, error: number, start: number): Refusal | undefined {
  if (error === 0) return undefined;
  const plain = refusalOf(-error);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return plain;
  const words = extendedAck(message, start);
  return words === undefined ? plain : { errno: plain.errno, reason: words };
}

/** What an NLMSG_ERROR says: undefined for "done". */
export function decodeAck(message: NetlinkMessage): Refusal | undefined {
  afterStruct(message, ERROR_BYTES);
  return refusal(message, message.bytes.readInt32LE(message.start), attributesStart(message));
}

/** What the NLMSG_DONE of a dump says: undefined when all went well. */
export function decodeDone(message: NetlinkMessage): Refusal | undefined {
  const start = afterStruct(message, 4);
  return refusal(message, message.bytes.readInt32LE(message.start), start);
}
