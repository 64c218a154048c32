/** Interface addresses: RTM_NEWADDR and its relatives. Pure bytes. */
import {
  addressFromBytes,
  addressToBytes,
  bitsOf,
  type Family,
  lastAddress,
  type Prefix,
} from '../../model/address.ts';
import { VETHD_PROTOCOL } from '../../model/netstate.ts';
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
  NLM_F_EXCL,
} from './message.ts';

/** linux/rtnetlink.h. */
export const RTM_NEWADDR = 20;
/** linux/rtnetlink.h. */
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

/** linux/if_addr.h: struct ifaddrmsg (family, prefix length, flags, scope, index). */
const IFADDRMSG_BYTES = 8;
/** linux/if_addr.h: IFA_*. PROTO since Linux 5.18. */
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8, PROTO: 11 } as const;
/** linux/if_addr.h: no duplicate address detection; IPAM has done it, and a tentative address drops packets. */
const IFA_F_NODAD = 0x2;

/** An address as the kernel tells it. */
export interface DecodedAddress {
  readonly ifindex: number;
  readonly prefix: Prefix;
  /** IFA_PROTO is ours; false on kernels that do not tell. */
  readonly ours: boolean;
}

function broadcastOf(prefix: Prefix): Uint8Array | undefined {
  const { address, length } = prefix;
  return address.family === 'ipv4' && length <= 30 ? addressToBytes(lastAddress(prefix)) : undefined;
}

function identity(ifindex: number, prefix: Prefix): BodyWriter {
  const { address, length } = prefix;
  const bytes = addressToBytes(address);
  return new BodyWriter()
    .u8(familyNumber(address.family))
    .u8(length)
    .u8(0)
    .u8(0)
    .u32(ifindex)
    .attribute(IFA.LOCAL, bytes)
    .attribute(IFA.ADDRESS, bytes);
}

/** Adds an address, marked as ours; EEXIST when the link has it. */
export function encodeAddAddress(ifindex: number, prefix: Prefix): NetlinkRequest {
  const writer = identity(ifindex, prefix).u8Attribute(IFA.PROTO, VETHD_PROTOCOL);
  const broadcast = broadcastOf(prefix);
  if (broadcast !== undefined) writer.attribute(IFA.BROADCAST, broadcast);
  if (prefix.address.family === 'ipv6') writer.u32Attribute(IFA.FLAGS, IFA_F_NODAD);
  return { type: RTM_NEWADDR, flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body: writer.finish() };
}

/** Removes an address. */
export function encodeRemoveAddress(ifindex: number, prefix: Prefix): NetlinkRequest {
  return { type: RTM_DELADDR, flags: NLM_F_ACK, body: identity(ifindex, prefix).finish() };
}

/** Asks for all addresses of both families; of one link if `ifindex` is not 0. */
export function encodeDumpAddresses(ifindex: number): NetlinkRequest {
  const body = new BodyWriter().u8(AF_UNSPEC).u8(0).u8(0).u8(0).u32(ifindex).finish();
  return { type: RTM_GETADDR, flags: NLM_F_DUMP, body };
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** The address of an RTM_NEWADDR or RTM_DELADDR; undefined for a family that is neither IPv4 nor IPv6. */
export function decodeAddress(message: NetlinkMessage): DecodedAddress | undefined {
  const start = afterStruct(message, IFADDRMSG_BYTES);
  const family = message.bytes.readUInt8(message.start);
  if (!FAMILIES.some((known) => familyNumber(known) === family)) return undefined;
  const attributes = new AttributeReader(message.bytes, start, message.end);
  let local: Uint8Array | undefined;
  let ours = false;
  while (attributes.next()) {
    // On a point-to-point link ADDRESS is the other side; LOCAL, if there is one, is always the link's own.
    if (attributes.type === IFA.LOCAL) local = attributes.value();
    else if (attributes.type === IFA.ADDRESS) local ??= attributes.value();
    else if (attributes.type === IFA.PROTO) ours = attributes.u8() === VETHD_PROTOCOL;
  }
  if (local === undefined) throw new Error('an address message without an address');
  const address = addressFromBytes(local);
  const length = message.bytes.readUInt8(message.start + 1);
  if (length > bitsOf(address.family)) throw new Error(`an address with a prefix of ${length} bits`);
  return { ifindex: message.bytes.readUInt32LE(message.start + 4), prefix: { address, length }, ours };
}
